"""Exports: FOCUS rows a second and the memory that they take, and documents a second in XML and PDF."""

from __future__ import annotations

import csv
import io
import json
import resource
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from sqlalchemy import Engine, text

from bench.processor_time import own_seconds
from bench.timing import paired
from billing.documents import Document
from billing.documents.as_cii import render_cii
from billing.documents.as_pdf import render_pdf
from billing.documents.as_ubl import render_ubl
from billing.documents.composition import compose, rounding_micros
from billing.documents.content import INVOICE, TYPE_CODES, Charge, Content, Party
from billing.exports.as_text import csv_pieces
from billing.exports.focus.datasets import dataset
from billing.exports.focus.parquet import parquet_pieces
from billing.exports.snapshot import snapshot
from common.clock import ClockAnchor, SystemClock
from common.codec import to_json
from common.money import share_floor
from nestex import schema
from nestex.stack.folder import DataFolder
from nestex.stack.postgres import start_postgres
from nestex.stack.postgres_home import discard_home
from nestex.stack.supervisor import Supervisor
from runtime import deployment
from runtime.database import connect

MONTH = "2026-10"
SMALL, LARGE = 10, 100
"""Documents of 5,000 contract-days: 10,000 rows of FOCUS each, one for the usage and one for its tax."""
CHARGES = 5_000
PAPERS, DAYS = 100, 30

_FILL = text("""
    INSERT INTO document (id, kind, type_code, issuer, year, sequence, number, month, participant_id, state, currency,
        net_cents, vat_cents, total_cents, rounding_micros, content, issued_at_micros)
    SELECT 'doc_' || n, :kind, 380, 'market', 2026, n, 'INV-2026-' || lpad(n::text, 6, '0'), :month, 'buyer' || n,
        'finalised', 'EUR', :net, :vat, :net + :vat, 0, CAST(:content AS jsonb), 1
    FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) AS n
""")


def run() -> Iterator[str]:
    """The figures, one sentence each."""
    with _database() as database:
        yield from _focus(database)
    yield from _documents()


def _focus(database: Engine) -> Iterator[str]:
    _fill(database, 1, SMALL)
    rows = SMALL * CHARGES * 2
    with snapshot(database) as connection:
        ready = list(dataset(connection, "1.2", "cost-and-usage", None, MONTH).rows)
    product, baseline = paired(lambda: _written(database, "csv"), lambda: _bare(ready), rounds=3)
    yield f"FOCUS 1.2, CSV: {rows / product:,.0f} rows a second, {baseline / product:.3f} of csv.writer alone"
    parquet, _ = paired(lambda: _written(database, "parquet"), lambda: None, rounds=3)
    yield f"FOCUS 1.2, Parquet: {rows / parquet:,.0f} rows a second"
    held = len(ready)
    before = _peak_mib()
    _fill(database, SMALL + 1, LARGE)
    clock, cpu = SystemClock(), own_seconds()
    began = clock.monotonic()
    _written(database, "csv")
    taken, cpu = clock.monotonic() - began, own_seconds() - cpu
    rows = LARGE * CHARGES * 2
    yield f"FOCUS 1.2, CSV: {rows:,} rows, {rows / taken:,.0f} a second, {rows / cpu:,.0f} per CPU second"
    yield f"peak memory: {before} MiB with {held:,} rows held for the baseline, {_peak_mib()} MiB after {rows:,}"


def _documents() -> Iterator[str]:
    papers = [invoice(number) for number in range(PAPERS)]
    render_pdf(papers[0])
    for name, renders in (
        ("UBL and CII", (render_ubl, render_cii)),
        ("PDF with its CII", (render_pdf,)),
        ("UBL, CII and PDF", (render_ubl, render_cii, render_pdf)),
    ):
        clock, cpu = SystemClock(), own_seconds()
        began = clock.monotonic()
        for paper in papers:
            for render in renders:
                render(paper)
        taken, cpu = clock.monotonic() - began, own_seconds() - cpu
        yield f"{name}: {PAPERS / taken:,.1f} documents a second, {PAPERS / cpu:,.1f} per CPU second"
    yield f"peak memory after them: {_peak_mib()} MiB"


def _written(database: Engine, form: str) -> int:
    with snapshot(database) as connection:
        made = dataset(connection, "1.2", "cost-and-usage", None, MONTH)
        pieces: Iterable[bytes] = parquet_pieces(made) if form == "parquet" else csv_pieces(made.header, made.rows)
        return sum(map(len, pieces))


def _bare(rows: list[tuple[str, ...]]) -> None:
    remaining = iter(rows)
    while batch := list(islice(remaining, 5_000)):
        csv.writer(io.StringIO(newline="")).writerows(batch)


def _fill(database: Engine, first: int, last: int) -> None:
    content = _content(CHARGES)
    figures = {"net": content.net_cents, "vat": content.vat_cents, "content": json.dumps(to_json(content))}
    with database.begin() as connection:
        connection.execute(_FILL, {"kind": INVOICE, "month": MONTH, "first": first, "last": last} | figures)


def _content(days: int) -> Content:
    """Of an invoice of three lines and so many contract-days."""
    market = Party("market", "Market GmbH", "Ring 1", "60329", "Frankfurt", "DE", "DE136695976")
    buyer = Party("buyer", "Buyer GmbH", "Weg 2", "10115", "Berlin", "DE", "DE811569869")
    return compose(market, buyer, [_charge(number) for number in range(days)])


def _charge(number: int) -> Charge:
    price = 4_000 + number % 3
    gross = price * 200
    day = f"{MONTH}-{number % 31 + 1:02d}"
    vat = share_floor(gross, 190_000)
    return Charge("fra1.std.firm", price, "S", 190_000, f"con{number}", day, 100, 200, gross, 0, gross, vat)


def invoice(number: int) -> Document:
    """Of three lines, with usage of thirty days."""
    content = _content(DAYS)
    return Document(
        id=f"doc_{number}",
        kind=INVOICE,
        type_code=TYPE_CODES[INVOICE],
        number=f"INV-2026-{number:06d}",
        state="finalised",
        month=MONTH,
        issuer="market",
        participant_id="buyer",
        identity_version=1,
        currency="EUR",
        net_cents=content.net_cents,
        vat_cents=content.vat_cents,
        total_cents=content.net_cents + content.vat_cents,
        rounding_micros=rounding_micros(content),
        issued_at_micros=1_793_491_200_000_000,
        content=content,
    )


def _peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


@contextmanager
def _database() -> Iterator[Engine]:
    path = Path(tempfile.mkdtemp(prefix="nestex-bench-"))
    path.chmod(0o711)  # PostgreSQL runs as another user when this runs as root
    try:
        with DataFolder.hold(path) as folder, Supervisor(folder, SystemClock()) as supervisor:
            url = start_postgres(supervisor, durable=False)
            schema.upgrade(url)
            database = connect(url, application="nestex bench")
            with database.begin() as connection:
                deployment.establish(connection, "EUR", ClockAnchor(0, 0))
                closed = "INSERT INTO billing_period (month, state, closed_at_micros) VALUES (:month, 'closed', 1)"
                connection.execute(text(closed), {"month": MONTH})
            yield database
            database.dispose()
            discard_home(folder)
    finally:
        shutil.rmtree(path, ignore_errors=True)
