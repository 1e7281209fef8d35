"""A large month's invoices: ten thousand, each as UBL, CII and PDF, printed by a process for each processor."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

from rich.console import Console

from bench.exports import invoice
from billing.documents.as_cii import render_cii
from billing.documents.as_pdf import render_pdf
from billing.documents.as_ubl import render_ubl
from common.clock import SystemClock
from nestex.cli.progress import Progress

INVOICES = 10_000
_AT_ONCE = 50


def run() -> Iterator[str]:
    """The figures, one sentence each; how far it is goes to standard error."""
    clock, processors = SystemClock(), os.cpu_count() or 1
    began, written = clock.monotonic(), 0
    with ProcessPoolExecutor(processors) as pool, Progress(Console(stderr=True), "invoices") as progress:
        for done, size in enumerate(pool.map(_printed, range(INVOICES), chunksize=_AT_ONCE), start=1):
            written += size
            progress.update(done, INVOICES)
    taken = clock.monotonic() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime
    yield (
        f"UBL, CII and PDF of {INVOICES:,} invoices by {processors} processes: {taken:,.0f} s, {INVOICES / taken:.1f} a"
        f" second, {INVOICES / cpu:.1f} per CPU second; {written / 2**20:,.0f} MiB"
    )
    yield f"peak memory of a process: {used.ru_maxrss // 1024} MiB"


def _printed(number: int) -> int:
    """The bytes of one invoice's files."""
    paper = invoice(number)
    return sum(len(render(paper)) for render in (render_ubl, render_cii, render_pdf))
