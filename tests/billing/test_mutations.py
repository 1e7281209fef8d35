"""Whatever is changed by one, or dropped, in the books: the database refuses it, or the books check finds it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from billing import disputes, endings, metering, payments, periods, seals
from billing.completion import complete
from billing.credits import CreditRequest, credit
from billing.documents import list_documents
from billing.documents.corrections import reissue
from billing.identities import save
from billing.invariants import check
from billing.payments import Destination
from billing.settlement import settle
from common.minutes import Window
from tests.billing.factories import (
    AT,
    END,
    GERMAN_PROVIDER,
    GRACE,
    MONTH,
    NOW,
    START,
    TERMS,
    Agent,
    contract,
    trade,
)

FIGURES = "gross_micros fee_micros buyer_vat_micros provider_net_micros provider_vat_micros"
COLUMNS = {
    "ledger_account": "balance_micros",
    "ledger_transfer": "at_micros",
    "ledger_entry": "amount_micros",
    "ledger_seal": "last_transfer_id transfers at_micros",
    "billable_contract": "price_micros escrow_micros bond_micros compensation_micros delivered_seconds billed_minutes"
    " released_minutes credited_minutes kept_minutes",
    "usage_minute": "seconds",
    "usage_disputed_minute": "counted_seconds",
    "billed_day": f"billed_minutes {FIGURES}",
    "billing_credit": f"minutes {FIGURES}",
    "document": "net_cents vat_cents total_cents rounding_micros sequence",
    "document_counter": "next_number",
    "payment": "amount_cents",
    "provider_debt": "covered_micros recovered_micros",
}
DROPPED = (*COLUMNS, "usage_dispute", "billing_period", "usage_receipt")
RENAMED = {
    "ledger_entry": "account_id reference",
    "billable_contract": "instrument buyer_id provider_id node_id",
    "usage_minute": "node_id",
    "document": "number participant_id currency",
    "payment": "participant_id",
}
KINDS_OF_CONTRACT = ("done", "released", "reclaimed", "failed", "busted", "disputed", "open", "late")


@pytest.fixture
def eventful(books: Connection) -> Connection:
    """A month with everything in it that moves money."""
    save(books, "provider", GERMAN_PROVIDER, AT)
    terms = replace(TERMS, allowance_minutes=0)
    price = 333_333
    for name in KINDS_OF_CONTRACT:
        start = END - 5 if name == "open" else START
        trade(books, contract(name, price_micros=price, start=start, terms=terms))
    agent = Agent()
    for minute in (*range(6), END - 5 - START, END - START):
        said = {name: 50 for name in KINDS_OF_CONTRACT if minute < 6} or {"open": 60}
        metering.record(books, NOW, [agent.report(START + minute, said)])
    settle(books, AT)
    endings.release(books, "released", START + 6, AT)
    endings.reclaim(books, "reclaimed", START + 6, AT)
    endings.fail(books, "failed", START + 6, 1_000, AT)
    endings.bust(books, "busted", AT)
    for first, decision in ((0, "upheld"), (2, "rejected")):
        made = disputes.dispute(books, "disputed", Window(START + first, START + first + 2), "slow", AT + first)
        disputes.decide(books, made.id, decision, "so be it", AT)
    complete(books, END - 6, AT, GRACE, 10)
    periods.close(books, MONTH, END + GRACE, AT, GRACE)
    payments.pay_out(books, "run", "", AT)
    payments.withdraw(books, "buyer", 50_000, "rent", Destination(GERMAN_PROVIDER.iban, "Ada"), AT)
    credit(books, CreditRequest("done", date(2026, 10, 1), 3, "one", "slow"), AT)
    [invoice] = [paper.id for paper in list_documents(books, "buyer", "", 9) if paper.kind == "invoice"]
    reissue(books, invoice, "address", AT)
    while seals.seal(books, seals.horizon(books), AT, limit=7):
        pass
    assert check(books) == []
    books.exec_driver_sql("SET session_replication_role = replica")  # no triggers, no foreign keys
    return books


def is_noticed(connection: Connection, statement: str) -> bool:
    """Refused by a constraint, or found."""
    mark = connection.begin_nested()
    try:
        changed = connection.execute(text(statement)).rowcount
        assert changed == 1, statement
        return bool(check(connection))
    except IntegrityError:
        return True
    finally:
        mark.rollback()


def rows(connection: Connection, table: str, most: int) -> list[str]:
    """Places of rows, spread over the table."""
    every = [str(row[0]) for row in connection.execute(text(f"SELECT ctid FROM {table} ORDER BY ctid"))]  # noqa: S608
    if table == "ledger_seal":
        del every[-1]  # without the newest seal the ledger is as it was before it: unsealed there, and sealed again
    assert every, table
    return every[:: -(-len(every) // most)]


@pytest.mark.parametrize("table", COLUMNS)
def test_a_figure_that_is_one_more_or_less_is_noticed(eventful: Connection, table: str) -> None:
    unnoticed = [
        statement
        for place in rows(eventful, table, 3)
        for column in COLUMNS[table].split()
        for step in ("+ 1", "- 1")
        if not is_noticed(
            eventful,
            statement := f"UPDATE {table} SET {column} = {column} {step} WHERE ctid = '{place}'",  # noqa: S608
        )
    ]
    assert unnoticed == []


@pytest.mark.parametrize("table", DROPPED)
def test_a_row_that_is_missing_is_noticed(eventful: Connection, table: str) -> None:
    unnoticed = [
        statement
        for place in rows(eventful, table, 6)
        if not is_noticed(eventful, statement := f"DELETE FROM {table} WHERE ctid = '{place}'")  # noqa: S608
    ]
    assert unnoticed == []


@pytest.mark.parametrize("table", RENAMED)
def test_a_name_that_is_another_is_noticed(eventful: Connection, table: str) -> None:
    unnoticed = [
        statement
        for place in rows(eventful, table, 3)
        for column in RENAMED[table].split()
        if not is_noticed(
            eventful,
            statement := f"UPDATE {table} SET {column} = coalesce({column}, '') || 'X' WHERE ctid = '{place}'",  # noqa: S608
        )
    ]
    assert unnoticed == []


def test_a_payout_to_another_bank_account_is_noticed(eventful: Connection) -> None:
    for column in ("iban", "holder"):
        assert is_noticed(eventful, f"UPDATE payment SET {column} = 'X' || {column} WHERE kind = 'payout'")  # noqa: S608


def test_a_minute_outside_of_its_contract_s_window_is_noticed(eventful: Connection) -> None:
    statement = f"UPDATE usage_minute SET minute = {END - 6} WHERE minute = {START} AND contract_id = 'done'"  # noqa: S608
    assert is_noticed(eventful, statement)


def test_any_number_that_is_one_more_in_what_a_document_says_is_noticed(eventful: Connection) -> None:
    """Of each kind of document, one of every sort of figure: of a line, a tax, the appendix, and what it corrects."""
    kinds = eventful.execute(text("SELECT DISTINCT ON (kind) id, content FROM document ORDER BY kind, id"))
    unnoticed, tried = [], 0
    for document, content in kinds.all():
        sorts = {(path[0], path[-1]): (path, value) for path, value in figures(content)}
        for path, value in sorts.values():
            tried += 1
            place = f"jsonb_set(content, '{{{','.join(map(str, path))}}}', '{value + 1}')"
            if not is_noticed(eventful, f"UPDATE document SET content = {place} WHERE id = '{document}'"):  # noqa: S608
                unnoticed.append((document, path))
    assert unnoticed == []
    assert tried > 70


def figures(content: Any, *path: str | int) -> Iterator[tuple[tuple[str | int, ...], int]]:
    """Where in the content each integer is, and the integer."""
    if isinstance(content, int):
        yield path, content
    elif isinstance(content, (dict, list)):
        for key, value in content.items() if isinstance(content, dict) else enumerate(content):
            yield from figures(value, *path, key)
