"""One contract that the tests of early endings end, with the world around it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from billing import completion, invariants, ledger, metering, periods
from common import codec
from common.minutes import MICROS_PER_MINUTE, month_window
from common.wire import Allocation, GuestMinute, GuestStatus, UsageReport
from market.books_check import RULES
from market.contracts.follow_guest import follow_guest
from market.engine.batch import BatchProcessor
from market.engine.commands import Answer, EndContract
from market.engine.recovery import rebuild
from market.tables import contract
from nestex.audit.market import audit
from nestex.books import first_difference
from runtime import outbox
from tests.market.factories import ZONE, World, order

MINUTES = 60
SLICES = 4
GROSS = 150 * SLICES
"""Of a minute, at the ask's price."""
GRACE = 5


class Deal:
    """A whole node of four vCPUs, sold for an hour from the next minute on; `bid` are further fields of the order."""

    def __init__(self, world: World, *, cash_micros: int = 50_000_000, **bid: Any) -> None:
        self.world = world
        self.provider, self.buyer = world.provider(), world.participant(cash_micros)
        self.node = world.node(self.provider, vcpus=SLICES)
        self.engine: BatchProcessor = world.engine()
        until = world.minute + 1 + MINUTES
        order(self.engine.process([world.ask(self.provider, self.node, available_until=until)]))
        order(self.engine.process([world.bid(self.buyer, duration_minutes=MINUTES, slices_per_guest=SLICES, **bid)]))
        self.start = world.minute + 1
        self.sequence = 0

    @property
    def row(self) -> dict[str, Any]:
        return self.rows[0]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All contracts of its buyer, the deal's own first."""
        bought = select(contract).where(contract.c.buyer_id == self.buyer).order_by(contract.c.sequence)
        with self.world.begin() as connection:
            return [dict(row) for row in connection.execute(bought).mappings()]

    def deliver(self, minutes: int) -> None:
        """So many minutes pass after the start, and are reported."""
        self.world.real.pass_minutes(minutes + 1)
        with self.world.begin() as connection:
            for minute in range(self.start, self.start + minutes):
                self.sequence += 1
                guests = (GuestMinute(self.row["id"], 60, epoch=1),)
                metering.record(connection, self.world.minute, [UsageReport(self.node, self.sequence, minute, guests)])

    def fail_next(self, row: dict[str, Any]) -> None:
        """The guest of another contract, one that was bought later, fails before it has run."""
        status = GuestStatus(row["node_id"], row["id"], 1, "failed", self.world.real.micros // 1000, "it broke")
        with self.world.begin() as connection:
            follow_guest(connection, status, self.world.real.micros)
        assert self.engine.process([EndContract(row["id"], "fail")])[0].problem is None

    def run_out(self, row: dict[str, Any]) -> None:
        """The minutes of a contract that are still to come are delivered, and everything is settled and closed."""
        reported = self.sequence if row["id"] == self.row["id"] else 0
        first = row["start_minute"] + reported
        self.world.real.pass_minutes(row["end_minute"] - self.world.minute + GRACE)
        with self.world.begin() as connection:
            for sequence, minute in enumerate(range(first, row["end_minute"]), start=reported + 1):
                report = UsageReport(row["node_id"], sequence, minute, (GuestMinute(row["id"], 60, epoch=1),))
                metering.record(connection, self.world.minute, [report])
            completion.complete(connection, self.world.minute, self.world.real.micros, GRACE, 10)

    def end(self, ending: Any, participant: str | None = None, reason: str | None = None) -> list[Answer]:
        return self.engine.process([EndContract(self.row["id"], ending, participant, reason)])

    def tell(self, state: Any) -> None:
        status = GuestStatus(self.node, self.row["id"], 1, state, self.world.real.micros // 1000, "it broke")
        with self.world.begin() as connection:
            follow_guest(connection, status, self.world.real.micros)

    def told(self) -> Allocation:
        """What the agent was told last."""
        with self.world.begin() as connection:
            return codec.decode(Allocation, bytes(outbox.unpublished(connection, 10)[-1].payload))

    def sell_again(self, **fields: Any) -> list[Answer]:
        """An ask for everything that the node has, from the next minute on."""
        until = self.start + MINUTES
        return self.engine.process([self.world.ask(self.provider, self.node, available_until=until, **fields)])

    def check(self) -> None:
        """See `check_market`."""
        check_market(self.world, self.engine)

    def close(self) -> None:
        """Time passes, and everything is accounted for."""
        self.world.real.pass_minutes(MINUTES + GRACE)
        with self.world.begin() as connection:
            closed = completion.complete(connection, self.world.minute, self.world.real.micros, GRACE, 10)
            assert [done.contract_id for done in closed] == [self.row["id"]]
            assert ledger.balances(connection, self.buyer)["escrow"] == 0
            assert ledger.balances(connection, self.provider)["bond"] == 0
        self.check()
        check_documents(self.world)


def check_market(world: World, engine: BatchProcessor) -> None:
    """The books are right, the audit too, and another engine comes to the same memory."""
    assert first_difference(world.database) is None
    assert audit(world.database, None, lambda _done, _total: None).difference is None
    with world.begin() as connection:
        rebuilt = rebuild(connection, ZONE, lambda: None).state.shard
    assert rebuilt.state_hash() == engine.state.shard.state_hash()


def check_documents(world: World) -> None:
    """The books are right, too, once every month is closed with all its documents; which is taken back then."""
    with world.begin() as connection:
        months = [period.month for period in periods.list_periods(connection)]
        assert months
        for month in months:
            over = month_window(month).end + GRACE
            periods.close(connection, month, over, over * MICROS_PER_MINUTE, GRACE)
        assert invariants.check(connection, RULES) == []
        connection.rollback()


def with_vat(micros: int) -> int:
    return micros + micros * 19 // 100
