"""Money that leaves: never more than is there, once per key, in whole cents."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import Connection, Engine

from billing import ledger, payments
from billing.identities import save
from billing.invariants import check
from billing.payments import Destination, Payment
from billing.transfers import Entry, Transfer
from common.errors import Conflict, InvalidInput, NotFound, Refused
from tests.billing.factories import AT, CASH, GERMAN_PROVIDER, open_market, open_participants

IBAN = "GB33BUKB20201555555555"
THERE = Destination(IBAN, "Ada")


def make_payable(connection: Connection, participant: str, micros: int) -> None:
    ledger.open_accounts(connection, participant)
    moves = (Entry(f"{participant}/earned", -micros), Entry(f"{participant}/payable", micros))
    fund = (Entry("market/reserve", -micros), Entry(f"{participant}/cash", micros))
    escrow = (Entry(f"{participant}/cash", -micros), Entry(f"{participant}/escrow", micros))
    earn = (Entry(f"{participant}/escrow", -micros), Entry(f"{participant}/earned", micros))
    for kind, entries in (("credit", fund), ("trade", escrow), ("release", earn), ("payable", moves)):
        ledger.post(connection, [Transfer(f"{kind}:{participant}", kind, AT, entries)])


def pay_all(connection: Connection, key: str, limit: int = 500) -> list[Payment]:
    made, after = [], ""
    while chunk := payments.pay_out(connection, key, after, AT, limit):
        made += chunk
        after = chunk[-1].participant_id
    return made


def test_a_withdrawal_is_booked_once_per_key(books: Connection) -> None:
    first = payments.withdraw(books, "buyer", 1_230_000, "rent", THERE, AT)
    assert payments.withdraw(books, "buyer", 1_230_000, "rent", THERE, AT + 9_000) == first
    assert (first.amount_cents, first.iban, first.holder) == (123, IBAN, "Ada")
    assert ledger.balances(books, "buyer")["cash"] == CASH - 1_230_000
    assert payments.payments_to(books, "buyer", "", 9) == [first]
    for amount, to in ((1_240_000, THERE), (1_230_000, Destination(GERMAN_PROVIDER.iban, "Ada"))):
        with pytest.raises(Conflict):
            payments.withdraw(books, "buyer", amount, "rent", to, AT)
    assert check(books) == []


@pytest.mark.parametrize("amount", [0, -10_000, 10_001, 9_999])
def test_banks_move_whole_cents(books: Connection, amount: int) -> None:
    with pytest.raises(InvalidInput):
        payments.withdraw(books, "buyer", amount, "rent", THERE, AT)


def test_reserved_cash_cannot_be_withdrawn(books: Connection) -> None:
    ledger.post(books, [], {"buyer": CASH - 20_000})
    with pytest.raises(Refused) as caught:
        payments.withdraw(books, "buyer", 30_000, "rent", THERE, AT)
    assert caught.value.code == "insufficient_funds"
    payments.withdraw(books, "buyer", 20_000, "rent", THERE, AT)
    assert ledger.cash(books, ["buyer"])["buyer"].available_micros == 0


def test_the_bank_account_is_that_of_the_legal_identity_unless_another_is_given(books: Connection) -> None:
    with pytest.raises(Refused) as caught:
        payments.withdraw(books, "provider", 10_000, "one", Destination(), AT)
    assert caught.value.code == "iban_missing"
    save(books, "provider", GERMAN_PROVIDER, AT)
    made = payments.withdraw(books, "provider", 10_000, "one", Destination(), AT)
    assert (made.iban, made.holder, made.identity_version) == (GERMAN_PROVIDER.iban, "Rechenhof AG", 1)
    with pytest.raises(InvalidInput, match="IBAN"):
        payments.withdraw(books, "provider", 10_000, "two", Destination("DE00"), AT)
    with pytest.raises(NotFound):
        payments.withdraw(books, "nobody", 10_000, "one", THERE, AT)


def test_withdrawals_at_once_take_no_more_than_is_there(database: Engine) -> None:
    with database.begin() as connection:
        open_market(connection)
        open_participants(connection, "buyer", cash_micros=50_000)

    def work(worker: int) -> int:
        with database.begin() as connection:
            try:
                payments.withdraw(connection, "buyer", 20_000, f"w{worker}", THERE, AT)
            except Refused:
                return 0
            return 1

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) == 2
    with database.begin() as connection:
        assert ledger.balances(connection, "buyer")["cash"] == 10_000
        assert check(connection) == []


@pytest.fixture
def payable(books: Connection) -> Connection:
    """Providers with money to be paid out; `poor` has less than a cent, `mute` no bank account."""
    for name, micros in (("anna", 123_456), ("bert", 20_000), ("poor", 9_999), ("mute", 50_000)):
        make_payable(books, name, micros)
        save(books, name, replace(GERMAN_PROVIDER, iban=None if name == "mute" else GERMAN_PROVIDER.iban), AT)
    return books


def test_payouts_are_whole_cents_and_the_rest_stays_payable(payable: Connection) -> None:
    made = pay_all(payable, "run")
    assert [(one.participant_id, one.amount_cents) for one in made] == [("anna", 12), ("bert", 2)]
    left = {name: ledger.balances(payable, name)["payable"] for name in ("anna", "bert", "poor", "mute")}
    assert left == {"anna": 3_456, "bert": 0, "poor": 9_999, "mute": 50_000}
    assert sorted(payments.payments_of_run(payable, "run", "", 9), key=lambda one: one.participant_id) == made


def test_a_run_pays_everybody_once_however_often_it_is_begun(payable: Connection) -> None:
    first = payments.pay_out(payable, "run", "", AT, limit=1)
    assert [one.participant_id for one in first] == ["anna"]
    assert [one.participant_id for one in pay_all(payable, "run", limit=1)] == ["bert"]
    assert pay_all(payable, "run") == []
    with pytest.raises(Exception, match="immutable"):
        payable.exec_driver_sql("UPDATE payment SET amount_cents = 1")


def test_a_payout_s_entries_name_it(payable: Connection) -> None:
    made = pay_all(payable, "run")
    query = "SELECT reference FROM ledger_entry WHERE account_id = 'market/bank' AND amount_micros > 0 ORDER BY 1"
    assert [row[0] for row in payable.exec_driver_sql(query)] == sorted(one.id for one in made)
