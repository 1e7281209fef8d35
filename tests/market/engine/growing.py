"""A guest that the tests let grow and shrink, with the world around it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from billing import completion, ledger, metering
from billing.settlement import settle
from billing.tables import billable_contract
from common import codec
from common.ids import new_id
from common.wire import Allocation, GuestMinute, GuestStatus, UsageReport
from market.contracts.follow_guest import follow_guest
from market.engine.commands import Answer, EndContract, RescaleContract
from market.tables import contract
from runtime import outbox
from tests.market.engine.deal import check_documents, check_market
from tests.market.factories import World, order

MINUTES = 60
GRACE = 5


class Growing:
    """A guest of two slices for an hour, on a node of eight whose other six are on offer; `bid` are further fields of
    its order."""

    def __init__(self, world: World, **bid: Any) -> None:
        self.world = world
        self.provider, self.buyer = world.provider(), world.participant(50_000_000)
        self.node = world.node(self.provider, vcpus=8)
        self.engine = world.engine()
        order(self.engine.process([world.ask(self.provider, self.node, slices=8, available_until=world.minute + 100)]))
        order(self.engine.process([world.bid(self.buyer, duration_minutes=MINUTES, slices_per_guest=2, **bid)]))
        self.start = world.minute + 1
        self.sequence = 0

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The main contract first."""
        bought = select(contract).where(contract.c.buyer_id == self.buyer).order_by(contract.c.sequence)
        with self.world.begin() as connection:
            return [dict(row) for row in connection.execute(bought).mappings()]

    @property
    def main(self) -> str:
        return str(self.rows[0]["id"])

    def rescale(self, slices: int, price_micros: int | None = 200, **fields: Any) -> list[Answer]:
        given = {"contract": self.main, "participant": self.buyer} | fields
        name = new_id("ord", self.world.real.micros // 1000)
        return self.engine.process([RescaleContract(slices=slices, order=name, price_micros=price_micros, **given)])

    def end(self, ending: Any, participant: str | None = None, contract: str | None = None) -> list[Answer]:
        return self.engine.process([EndContract(contract or self.main, ending, participant)])

    def tell(self, state: Any) -> None:
        status = GuestStatus(self.node, self.main, 1, state, self.world.real.micros // 1000, "it broke")
        with self.world.begin() as connection:
            follow_guest(connection, status, self.world.real.micros)

    def told(self) -> Allocation:
        """What the agent was told last."""
        with self.world.begin() as connection:
            return codec.decode(Allocation, bytes(outbox.unpublished(connection, 50)[-1].payload))

    def deliver(self, minutes: int) -> None:
        """So many minutes pass, and are reported of the one guest."""
        for _ in range(minutes):
            self.world.real.pass_minutes(1)
            self.sequence += 1
            guests = (GuestMinute(self.main, 60, epoch=1),)
            report = UsageReport(self.node, self.sequence, self.world.minute - 1, guests)
            with self.world.begin() as connection:
                metering.record(connection, self.world.minute, [report])
                settle(connection, self.world.real.micros)

    def billed(self) -> list[int]:
        """Minutes of each contract, in the order of the trades."""
        columns = billable_contract.c
        joined = select(columns.billed_minutes).join(contract, contract.c.id == columns.contract_id)
        with self.world.begin() as connection:
            return list(connection.execute(joined.order_by(contract.c.sequence)).scalars())

    def check(self) -> None:
        """See `check_market`."""
        check_market(self.world, self.engine)

    def close(self) -> None:
        """Time passes, everything is closed, and nothing is held of anybody."""
        self.world.real.pass_minutes(MINUTES + GRACE)
        with self.world.begin() as connection:
            completion.complete(connection, self.world.minute, self.world.real.micros, GRACE, 100)
            assert ledger.balances(connection, self.buyer)["escrow"] == 0
            assert ledger.balances(connection, self.provider)["bond"] == 0
        self.check()
        check_documents(self.world)
