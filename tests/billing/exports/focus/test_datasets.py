"""FOCUS 1.2 and 1.4: the official rules hold, sums are the ledger's and the documents', one broken value is found."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from itertools import chain
from pathlib import Path

import pyarrow.parquet
import pytest
from focus_data_toolkit.model.validator import lint_focus_1_4_structure
from focus_data_toolkit.schema.detection import detect_focus_schema
from focus_data_toolkit.validate.bundle import validate_dataset_bundle
from sqlalchemy import Connection, Engine, text

from billing.documents.archive import get_document, list_documents
from billing.exports.as_text import csv_pieces
from billing.exports.dataset import Dataset
from billing.exports.focus.datasets import VERSIONS, dataset
from billing.exports.focus.parquet import parquet_pieces
from billing.exports.snapshot import snapshot
from billing.settlement import settle
from common.errors import InvalidInput
from tests.billing.busy_month import close_busy_month
from tests.billing.exports.focus.focus_rules import broken_rules
from tests.billing.factories import MONTH, NOW, open_market, open_participants

Rows = list[dict[str, str]]

# One of these two cannot hold in a file, as the validator has them: all rows with an invoice, or none.
NEVER_BOTH = {"InvoiceId-C-004-C"}
NAMES = {
    "cost-and-usage": "Cost and Usage",
    "invoice-detail": "Invoice Detail",
    "billing-period": "Billing Period",
}
CAPTURED = text("""
    SELECT sum(CASE WHEN entry.account_id LIKE '%/escrow' THEN -amount_micros ELSE 0 END) AS from_buyers,
        sum(CASE WHEN entry.account_id LIKE '%/earned' THEN amount_micros ELSE 0 END) AS to_providers
    FROM ledger_entry AS entry JOIN ledger_transfer AS transfer ON transfer.id = entry.transfer_id
    WHERE transfer.kind = 'settle'
""")


@pytest.fixture
def month(database: Engine) -> Iterator[Connection]:
    with database.begin() as connection:
        open_market(connection)
        open_participants(connection, "buyer", "provider")
        close_busy_month(connection)
        settle(connection, NOW * 60_000_000)
    with snapshot(database) as connection:
        yield connection


def written(one: Dataset) -> bytes:
    return b"".join(csv_pieces(one.header, one.rows))


def read(data: bytes) -> Rows:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def rows(connection: Connection, version: str = "1.4", name: str = "cost-and-usage", **which: str | None) -> Rows:
    one = dataset(connection, version, name, which.get("participant_id"), which.get("month"))
    return read(written(one))


def total(chosen: Iterator[dict[str, str]], column: str = "BilledCost") -> Decimal:
    return sum((Decimal(row[column]) for row in chosen), Decimal(0))


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_official_rules_of_1_2_hold(month: Connection, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"focus.{suffix}"
    one = dataset(month, "1.2", "cost-and-usage", None, MONTH)
    file.write_bytes(written(one) if suffix == "csv" else b"".join(parquet_pieces(one)))
    assert broken_rules(file) == NEVER_BOTH


def test_they_hold_for_what_is_not_invoiced_yet(month: Connection, tmp_path: Path) -> None:
    (tmp_path / "open.csv").write_bytes(written(dataset(month, "1.2", "cost-and-usage", "consumer", "2026-11")))
    assert broken_rules(tmp_path / "open.csv") == {"InvoiceId-C-005-C"}


@pytest.mark.parametrize(
    ("suffix", "column", "value", "rules"),
    [
        ("csv", "BillingAccountId", "", "BillingAccountId"),
        ("csv", "ChargeCategory", "Buy", "Consumed"),
        ("parquet", "BillingCurrency", "EURO", "BillingCurrency"),
    ],
)
def test_one_broken_value_of_1_2_is_found(
    month: Connection, tmp_path: Path, suffix: str, column: str, value: str, rules: str
) -> None:
    one = dataset(month, "1.2", "cost-and-usage", None, MONTH)
    first = [value if name == column else was for name, was in zip(one.header, next(one.rows), strict=True)]
    broken = Dataset(one.header, chain([tuple(first)], one.rows))
    file = tmp_path / f"broken.{suffix}"
    file.write_bytes(written(broken) if suffix == "csv" else b"".join(parquet_pieces(broken)))
    assert any(rule.startswith(rules) for rule in broken_rules(file))


def test_the_three_datasets_of_1_4_keep_its_model_and_agree(month: Connection) -> None:
    bundle = {NAMES[name]: rows(month, name=name) for name in VERSIONS["1.4"]}
    for name, found in bundle.items():
        assert found
        linted = lint_focus_1_4_structure(name, found)
        assert not linted.violations, linted.violations[:3]
        detected = detect_focus_schema(found[0])
        assert (detected.dataset, detected.detected_version) == (name, "1.4")
    report = validate_dataset_bundle(bundle, invoice_detail_authoritative=True, rounding_tolerance=Decimal(0))
    assert report.ok, report.format()
    assert not report.diagnostics, report.format()


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("cost-and-usage", "BilledCost", "13.740000"),
        ("cost-and-usage", "InvoiceDetailId", "INV-2026-000001/99"),
        ("cost-and-usage", "ChargeCategory", "Buy"),
        ("cost-and-usage", "ChargePeriodEnd", ""),
        ("invoice-detail", "BilledCost", "13.74"),
        ("invoice-detail", "InvoiceId", "INV-2026-000009"),
        ("invoice-detail", "BillingPeriodEnd", "2026-12-01T00:00:00Z"),
        ("billing-period", "BillingPeriodStatus", "Ajar"),
        ("billing-period", "InvoiceIssuerName", ""),
    ],
)
def test_one_broken_value_of_1_4_is_found(month: Connection, name: str, column: str, value: str) -> None:
    bundle = {NAMES[each]: rows(month, name=each) for each in VERSIONS["1.4"]}
    bundle[NAMES[name]][0] |= {column: value}
    linted = lint_focus_1_4_structure(NAMES[name], bundle[NAMES[name]])
    report = validate_dataset_bundle(bundle, invoice_detail_authoritative=True, rounding_tolerance=Decimal(0))
    assert linted.violations or not report.ok


def test_rows_before_rounding_are_what_the_ledger_captured_to_the_micro_unit(month: Connection) -> None:
    found = [row for row in rows(month) if row["ChargeDescription"] != "Rounding to cents"]
    captured = month.execute(CAPTURED).one()
    assert total(row for row in found if row["BillingAccountId"] != "market").scaleb(6) == captured.from_buyers
    assert total(row for row in found if row["BillingAccountId"] == "market").scaleb(6) == captured.to_providers


def test_rows_of_an_invoice_detail_are_the_invoice_s_line_to_the_cent(month: Connection) -> None:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows(month):
        sums[row["InvoiceDetailId"]] += Decimal(row["BilledCost"])
    lines: dict[str, Decimal] = {}
    for head in list_documents(month, None, "", 100):
        content = get_document(month, None, head.id).content
        lines |= {f"{head.number}/{line.number}": Decimal(line.net_cents) / 100 for line in content.lines}
    assert len(lines) > 8
    assert {key: sums[key] for key in lines} == lines
    details = {row["InvoiceDetailId"]: Decimal(row["BilledCost"]) for row in rows(month, name="invoice-detail")}
    assert {key: amount for key, amount in sums.items() if key} == details


def test_a_participant_sees_its_own_rows_alone(month: Connection) -> None:
    everybody = rows(month)
    parts = [rows(month, participant_id=one) for one in ("buyer", "consumer", "provider", "tinkerer")]
    assert all(parts)
    assert {row["BillingAccountId"] for row in parts[0]} == {"buyer"}
    assert {row["SubAccountId"] for row in parts[3]} == {"tinkerer"}
    assert sorted(map(str, everybody)) == sorted(str(row) for part in parts for row in part)
    issuers = {row["InvoiceIssuerName"] for row in rows(month, name="billing-period", participant_id="provider")}
    assert issuers == {"Rechenhof AG", "Nestex Börse GmbH"}


def test_the_open_month_has_no_invoice_and_the_closed_one_has(month: Connection) -> None:
    assert {bool(row["InvoiceId"]) for row in rows(month, month=MONTH)} == {True}
    assert {bool(row["InvoiceId"]) for row in rows(month, month="2026-11")} == {False}
    states = {row["BillingPeriodStart"]: row["BillingPeriodStatus"] for row in rows(month, name="billing-period")}
    assert states == {"2026-10-01T00:00:00Z": "Closed", "2026-11-01T00:00:00Z": "Open"}


def test_names_are_in_latin_letters_in_1_2_and_as_they_are_in_1_4(month: Connection) -> None:
    assert "Lukasz Aero & Sohne" in {row["SubAccountName"] for row in rows(month, "1.2")}
    assert "Łukasz Ærø & Söhne" in {row["SubAccountName"] for row in rows(month, "1.4")}


@pytest.mark.parametrize(("version", "name"), [(version, name) for version in VERSIONS for name in VERSIONS[version]])
def test_parquet_has_the_rows_of_the_csv_in_types_of_their_own(month: Connection, version: str, name: str) -> None:
    pieces = b"".join(parquet_pieces(dataset(month, version, name, None)))
    table = pyarrow.parquet.read_table(io.BytesIO(pieces))
    types: dict[str, Callable[[str], object]] = {
        "decimal128(28, 6)": Decimal,
        "timestamp[us, tz=UTC]": datetime.fromisoformat,
        "string": str,
    }
    read_as = {field.name: types[str(field.type)] for field in table.schema}
    expected = rows(month, version, name)
    assert table.to_pylist() == [
        {column: read_as[column](value) if value else None for column, value in row.items()} for row in expected
    ]
    said = {column for row in expected for column, value in row.items() if re.fullmatch(r"[0-9-]+T[0-9:]+Z", value)}
    assert {field.name for field in table.schema if str(field.type).startswith("timestamp")} == said
    assert read_as.get("BilledCost", Decimal) is Decimal


def test_the_same_books_give_the_same_bytes(month: Connection) -> None:
    for version, names in VERSIONS.items():
        for name in names:
            assert len({written(dataset(month, version, name, None)) for _ in range(2)}) == 1
    first, second = (b"".join(parquet_pieces(dataset(month, "1.2", "cost-and-usage", None))) for _ in range(2))
    assert first == second


def test_a_version_or_dataset_that_there_is_not_is_refused(month: Connection) -> None:
    for version, name in (("1.2", "invoice-detail"), ("1.3", "cost-and-usage")):
        with pytest.raises(InvalidInput):
            dataset(month, version, name, None)
