"""The books check finds every difference: each rule, with one value broken."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from billing import disputes, periods, seals
from billing.completion import complete
from billing.invariants import RULES, check
from common.minutes import Window
from tests.billing.factories import AT, END, GRACE, MONTH, START, Agent, contract, deliver, trade

PLANTED = {
    "every transfer sums to zero": (
        "UPDATE ledger_entry SET amount_micros = amount_micros + 1"
        " WHERE account_id = 'buyer/escrow' AND reference = 'done' AND amount_micros > 0"
    ),
    "every transfer moves what its kind may move": (
        "UPDATE ledger_entry SET account_id = 'provider/payable' WHERE account_id = 'provider/earned'"
        " AND amount_micros > 0"
    ),
    "every transfer is what was posted": "UPDATE ledger_transfer SET kind = 'free' WHERE key = 'complete:done'",
    "every seal is over its transfers and the seal before": (
        "UPDATE ledger_transfer SET at_micros = at_micros + 1 WHERE key = 'complete:done'"
    ),
    "every owner has all of its accounts": "DELETE FROM ledger_account WHERE id = 'market/reserve'",
    "every balance equals the sum of its entries": (
        "UPDATE ledger_account SET balance_micros = balance_micros + 1 WHERE id = 'buyer/cash'"
    ),
    "no floor is broken": "UPDATE ledger_account SET reserved_micros = balance_micros + 1 WHERE id = 'buyer/cash'",
    "escrow and bond are those of the open contracts": (
        "UPDATE ledger_account SET balance_micros = balance_micros + 1 WHERE id = 'provider/bond'"
    ),
    "escrow and bond of each contract add up": (
        "UPDATE ledger_entry SET reference = 'open' WHERE reference = 'done'"
        " AND account_id = 'provider/bond' AND amount_micros > 0"
    ),
    "settled minutes are the metered minutes": "UPDATE usage_minute SET seconds = 59 WHERE minute = {start}",
    "disputed minutes count as they were decided": (
        "UPDATE usage_disputed_minute SET counted_seconds = 1 WHERE contract_id = 'open'"
    ),
    "captured is metered minutes x price and release fees": (
        "UPDATE billable_contract SET price_micros = 334 WHERE contract_id = 'done'"
    ),
    "the market keeps its fees and owes its taxes": (
        "UPDATE billable_contract SET fee_ppm = 40000 WHERE contract_id = 'done'"
    ),
    "escrow and bond are what the trade took": "UPDATE billable_contract SET escrow_micros = escrow_micros + 1",
    "documents say what they sum up to": (
        "UPDATE document SET net_cents = net_cents + 1, vat_cents = vat_cents - 1 WHERE kind = 'invoice'"
    ),
    "what is frozen belongs to a month that is closed, or being closed": (
        "UPDATE billing_period SET state = 'open', closed_at_micros = NULL"
    ),
    "documents and their rounding are what was billed": (
        "UPDATE document SET rounding_micros = rounding_micros + 1 WHERE kind = 'invoice'"
    ),
    "billed days are the metered minutes and their price": (
        "UPDATE billed_day SET fee_micros = fee_micros + 1 WHERE contract_id = 'done'"
    ),
    "what was taken back is credited minutes x price": (
        "UPDATE billable_contract SET credited_minutes = credited_minutes + 1 WHERE contract_id = 'done'"
    ),
    "bonds pay what they owe to buyers": (
        "UPDATE billable_contract SET compensation_micros = compensation_micros + 1 WHERE contract_id = 'done'"
    ),
    "what providers owe is what the reserve has paid for them": ("INSERT INTO provider_debt VALUES ('provider', 1, 0)"),
    "every payment is booked, and nothing else has left the bank": (
        "INSERT INTO payment (id, kind, participant_id, key, holder, iban, amount_cents, at_micros)"
        " VALUES ('pay', 'payout', 'provider', 'run', 'Ada', 'DE', 1, 0)"
    ),
    "credits are the credited minutes, and none is of more than was billed": (
        "UPDATE billable_contract SET credited_minutes = credited_minutes + 1 WHERE contract_id = 'done'"
    ),
    "what was earned in closed months is payable or was taken back": (
        "UPDATE billed_day SET provider_vat_micros = provider_vat_micros - 1 WHERE contract_id = 'done'"
    ),
    "document numbers have no gaps": "UPDATE document SET sequence = 2 WHERE kind = 'invoice'",
    "minutes that count are of their contract's node and window, and were reported": (
        "UPDATE usage_minute SET life = 7 WHERE minute = {start}"
    ),
    "payouts go to the bank accounts of those who earned them": (
        "INSERT INTO payment (id, kind, participant_id, key, holder, iban, amount_cents, at_micros)"
        " VALUES ('pay', 'payout', 'provider', 'run', 'Ada', 'DE', 1, 0)"
    ),
    "documents charge what was frozen": (
        "UPDATE document SET content = jsonb_set(content, '{{appendix,0,billed_minutes}}', '99') WHERE kind = 'invoice'"
    ),
    "lines and taxes of documents are the sums of their charges": (
        "UPDATE document SET content = jsonb_set(content, '{{taxes,0,base_cents}}', '99') WHERE kind = 'invoice'"
    ),
    "credit notes name what they correct": (
        "UPDATE document SET content = jsonb_set(content, '{{corrects}}', '{{\"number\": \"INV-2026-000002\"}}')"
        " WHERE kind = 'invoice'"
    ),
    "documents are called by their kind, year and number": (
        "UPDATE document SET number = 'INV-2026-000002' WHERE kind = 'invoice'"
    ),
}
"""Rule -> a change that breaks it (and sometimes others)."""


@pytest.fixture
def busy(books: Connection) -> Connection:
    """One contract completed, one open beyond the close of its month."""
    trade(books, contract("done"), contract("open", start=END - 5, minutes=50))
    agent = Agent()
    deliver(books, agent, "done", START, [60] * 8 + [30])
    deliver(books, agent, "open", END - 5, [60] * 9)
    complete(books, END, AT, GRACE, 10)
    disputed = disputes.dispute(books, "open", Window(END - 5, END - 4), "too slow", AT)
    disputes.decide(books, disputed.id, "rejected", "it was not", AT)
    periods.close(books, MONTH, END + GRACE, AT, GRACE)
    while seals.seal(books, seals.horizon(books), AT, limit=3):
        pass
    return books


def test_right_books_have_no_difference(busy: Connection) -> None:
    assert check(busy) == []


def test_empty_books_have_no_difference(books: Connection) -> None:
    assert check(books) == []


def test_every_rule_is_tried() -> None:
    assert PLANTED.keys() == {rule.name for rule in RULES}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_difference_is_found(busy: Connection, name: str) -> None:
    for table in ("ledger_transfer", "ledger_entry", "billed_day", "document"):
        busy.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    for constraint in ("floor", "available"):
        busy.exec_driver_sql(f"ALTER TABLE ledger_account DROP CONSTRAINT ledger_account_{constraint}_check")
    assert busy.exec_driver_sql(PLANTED[name].format(start=START)).rowcount > 0
    found = {difference.rule for difference in check(busy)}
    assert name in found


@pytest.mark.parametrize(
    ("table", "condition", "rule"),
    [
        ("ledger_entry", "account_id = 'market/fees'", "every transfer sums to zero"),
        ("usage_minute", "minute = {start}", "settled minutes are the metered minutes"),
        ("billed_day", "contract_id = 'open'", "billed days are the metered minutes and their price"),
        ("document", "kind = 'invoice'", "document numbers have no gaps"),
        ("document_counter", "kind = 'invoice'", "document numbers have no gaps"),
        ("ledger_account", "id = 'buyer/cash'", "every balance equals the sum of its entries"),
    ],
)
def test_a_missing_row_is_found(busy: Connection, table: str, condition: str, rule: str) -> None:
    busy.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    statement = f"DELETE FROM {table} WHERE {condition.format(start=START)}"  # noqa: S608  # names from the list above
    assert busy.exec_driver_sql(statement).rowcount > 0
    assert rule in {difference.rule for difference in check(busy)}


def test_a_difference_says_where_it_is(busy: Connection) -> None:
    busy.exec_driver_sql(PLANTED["every balance equals the sum of its entries"])
    [difference] = check(busy)
    assert str(difference).startswith("every balance equals the sum of its entries: buyer/cash holds ")
