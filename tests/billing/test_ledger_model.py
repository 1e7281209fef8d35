"""Random batches of transfers and reservations on the real ledger, against a ledger of a few lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select

from billing import ledger
from billing.chart import MARKET_KINDS, ROUTES
from billing.invariants import check
from billing.tables import ledger_account
from billing.transfers import Entry, Transfer
from common.errors import Conflict
from tests.billing.factories import AT, open_market, open_participants

OWNERS = ("ada", "bob", "cyd")
FLOWS = sorted((kind, *flow) for kind, flows in ROUTES.items() for flow in flows)


def model(connection: Connection) -> tuple[dict[str, int], dict[str, int]]:
    """Balances and reservations that are not zero."""
    accounts = connection.execute(select(ledger_account)).all()
    balances = {row.id: row.balance_micros for row in accounts if row.balance_micros}
    return balances, {row.owner: row.reserved_micros for row in accounts if row.reserved_micros}


def account_of(kind: str) -> st.SearchStrategy[str]:
    return st.sampled_from([f"{owner}/{kind}" for owner in (["market"] if kind in MARKET_KINDS else OWNERS)])


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[Transfer], dict[str, int]]:
    transfers = []
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(sorted(ROUTES)))
        flows = st.sampled_from([flow for flow in FLOWS if flow[0] == kind])
        entries: list[Entry] = []
        for _, source, target in draw(st.lists(flows, min_size=1, max_size=4)):
            amount = draw(st.integers(1, 300))
            entries.append(Entry(draw(account_of(source)), -amount))
            entries.append(Entry(draw(account_of(target)), amount))
        transfers.append(Transfer(f"t{draw(st.integers(0, 15))}", kind, AT, tuple(entries)))
    reservations = draw(st.dictionaries(st.sampled_from(OWNERS), st.integers(0, 300)))
    return transfers, reservations


class Model:
    """What a ledger is, in a few lines."""

    def __init__(self, opening: int) -> None:
        self.balances = Counter({f"{owner}/cash": opening for owner in OWNERS} | {"market/bank": -opening * 3})
        self.reserved: Counter[str] = Counter()
        self.posted: dict[str, Transfer] = {}

    def post(self, transfers: Sequence[Transfer], reservations: dict[str, int]) -> str:
        balances, reserved, posted = self.balances.copy(), self.reserved.copy(), dict(self.posted)
        for transfer in transfers:
            if posted.setdefault(transfer.key, transfer) != transfer:
                return "conflict"
            if transfer.key in self.posted:
                continue
            if posted[transfer.key] is transfer:
                for entry in transfer.entries:
                    balances[entry.account] += entry.amount_micros
        reserved.update(reservations)
        if any(balance < 0 for account, balance in balances.items() if not account.startswith("market/")):
            return "floor"
        if any(balances[f"{owner}/cash"] < reserved[owner] for owner in OWNERS):
            return "floor"
        self.balances, self.reserved, self.posted = balances, reserved, posted
        return "posted"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(batches(), max_size=6))
def test_random_batches_do_what_a_plain_model_does(
    database: Engine, steps: list[tuple[list[Transfer], dict[str, int]]]
) -> None:
    with database.connect() as connection, connection.begin() as taken_back:
        open_market(connection)
        open_participants(connection, *OWNERS, cash_micros=500)
        expected = Model(500)
        for transfers, reservations in steps:
            try:
                ledger.post(connection, transfers, reservations)
                outcome = "posted"
            except ledger.FloorBroken:
                outcome = "floor"
            except Conflict:
                outcome = "conflict"
            assert outcome == expected.post(transfers, reservations)
            assert model(connection) == (
                {account: balance for account, balance in expected.balances.items() if balance},
                {owner: amount for owner, amount in expected.reserved.items() if amount},
            )
        found = {difference.rule for difference in check(connection)}
        assert not found & {"every transfer sums to zero", "every balance equals the sum of its entries"}
        taken_back.rollback()
