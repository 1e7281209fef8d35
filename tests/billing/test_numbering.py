"""Document numbers have no gaps, whoever draws them at once and whatever fails."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError

from billing import periods
from billing.documents.content import Charge
from billing.documents.issue import draft, finalise
from billing.documents.numbering import draw
from billing.tables import billing_period, document
from common.clock import ClockAnchor
from runtime import deployment, tables
from tests.billing.factories import AT, END, GRACE, MONTH, START, Agent, contract, deliver, open_market, trade

CHARGE = Charge("fra1.std.firm", 1, "S", 190_000, "con", "2026-10-01", 1, 1, 5, 0, 5, 0)


def test_numbers_count_up_per_kind_and_year(books: Connection) -> None:
    drawn = [draw(books, "market", *series) for series in (("invoice", 2026, 3), ("invoice", 2026, 1))]
    assert drawn == [1, 4]
    assert draw(books, "market", "invoice", 2027, 1) == 1
    assert draw(books, "market", "self_billed_invoice", 2026, 1) == 1


def test_32_concurrent_finalisers_with_failures_leave_no_gap(database: Engine) -> None:
    class Injected(Exception):
        pass

    with database.begin() as connection:
        open_market(connection)
        connection.execute(billing_period.insert().values(month=MONTH, state="open"))
        drafted = draft(connection, MONTH, {("invoice", f"p{number}"): [CHARGE] for number in range(96)}, AT)

    def work(worker: int) -> None:
        """Each finalises three documents, and fails twice before: the connection is lost, or an error comes."""
        mine = drafted[worker * 3 : worker * 3 + 3]
        for attempt in range(3):
            with suppress(Injected, DBAPIError), database.begin() as connection:
                finalise(connection, mine, AT)
                if attempt == 0:
                    raise Injected
                if attempt == 1:
                    connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(work, range(32)))
    with database.begin() as connection:
        numbers = connection.execute(select(document.c.sequence).order_by(document.c.sequence)).scalars().all()
    assert numbers == list(range(1, 97))


def test_the_year_of_a_number_is_that_of_the_issue(books: Connection) -> None:
    trade(books, contract("con"))
    deliver(books, Agent(), "con", START, [60])
    late = 60_000_000 * (END + 1440 * 70)
    periods.close(books, MONTH, END + GRACE, late, GRACE)
    numbers = books.execute(select(document.c.number).order_by(document.c.number)).scalars().all()
    assert numbers == ["INV-2027-000001", "SBI-2027-000001"]


def test_no_number_comes_again_after_the_database_was_set_back(database: Engine) -> None:
    def issue(generation: int) -> str | None:
        """The number of the first document after the backup, which is that of an empty market."""
        with database.connect() as connection:
            open_market(connection)
            deployment.establish(connection, "EUR", ClockAnchor(AT, AT))
            connection.execute(tables.deployment.update().values(generation=generation))
            connection.execute(billing_period.insert().values(month=MONTH, state="open"))
            finalise(connection, draft(connection, MONTH, {("invoice", "p"): [CHARGE]}, AT), AT)
            number: str | None = connection.execute(select(document.c.number)).scalar_one()
            connection.rollback()
            return number

    assert issue(0) == "INV-2026-000001"
    restored = [issue(1_795_470_000_000 + later) for later in (0, 1)]
    assert restored == ["INV-2026-000001-1M855KZW0", "INV-2026-000001-1M855KZW1"]
