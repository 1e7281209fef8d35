"""A spot contract of a whole node, and buyers that are providers too and sell its rest to each other."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from billing import completion, ledger, metering
from billing.tables import usage_minute
from common.wire import GuestMinute, GuestStatus, UsageReport
from market.contracts.complete_contracts import complete_contracts
from market.contracts.follow_guest import follow_guest
from market.engine.batch import BatchProcessor
from market.engine.commands import Answer, EndContract, PlaceAsk
from market.engine.recovery import rebuild
from market.tables import contract, instrument
from nestex.audit.market import audit
from nestex.books import first_difference
from tests.market.engine.deal import check_documents
from tests.market.factories import CODE, ZONE, World, order

MINUTES = 60
SLICES = 2
GRACE = 5
CASH = 50_000_000
PRICE = 150
"""Of the first contract, which is the limit of its ask too."""


class Resold:
    """`first` has bought an hour from the next minute on; `traders` are all who may buy and sell."""

    def __init__(self, world: World) -> None:
        self.world = world
        with world.begin() as connection:
            connection.execute(update(instrument).where(instrument.c.code == CODE).values(firmness="spot"))
        self.provider = world.provider(CASH)
        self.traders = [world.provider(CASH) for _ in range(3)]
        self.node = world.node(self.provider, vcpus=SLICES)
        self.engine: BatchProcessor = world.engine()
        self.start, self.end = world.minute + 1, world.minute + 1 + MINUTES
        order(self.engine.process([world.ask(self.provider, self.node, slices=SLICES, available_until=self.end)]))
        order(self.engine.process([self.bid(self.traders[0], MINUTES)]))
        self.sequence = 0
        self.first = self.rows()[0]["id"]

    def rows(self) -> list[dict[str, Any]]:
        """All contracts of the node, the oldest first."""
        with self.world.begin() as connection:
            of_node = select(contract).where(contract.c.node_id == self.node)
            query = of_node.order_by(contract.c.sequence, contract.c.ordinal)
            return [dict(row) for row in connection.execute(query).mappings()]

    def row(self, name: str) -> dict[str, Any]:
        return next(row for row in self.rows() if row["id"] == name)

    def bid(self, buyer: str, minutes: int, **fields: Any) -> Any:
        given = {"slices_per_guest": SLICES, "duration_minutes": minutes, "start_by": self.end - 1, "price_micros": 400}
        return self.world.bid(buyer, **(given | fields))

    def offer(self, seller: str, name: str, price: int = 200, **fields: Any) -> PlaceAsk:
        """The rest of the contract."""
        given = {"slices": 0, "available_until": 0, "price_micros": price, "contract": name}
        return self.world.ask(seller, "", **(given | fields))

    def resell(self, name: str, buyer: str, price: int = 200, ahead: int = 1, **bid: Any) -> dict[str, Any]:
        """Its holder sells the rest from so many minutes on; the new contract. `bid` are further fields of its bid."""
        order(self.engine.process([self.offer(self.row(name)["buyer_id"], name, price)]))
        begins = max(self.world.minute + ahead, self.row(name)["start_minute"])
        order(self.engine.process([self.bid(buyer, self.end - begins, **bid)]))
        return self.rows()[-1]

    def spare(self, price: int, seller: str | None = None) -> str:
        """A node of its own for as long, of this seller or a new one; who sells."""
        seller = seller or self.world.provider(CASH)
        node = self.world.node(seller, vcpus=SLICES)
        ask = self.world.ask(seller, node, slices=SLICES, price_micros=price, available_until=self.end)
        order(self.engine.process([ask]))
        return seller

    def finish(self, name: str, ending: Any, participant: str | None = None) -> Answer:
        return self.engine.process([EndContract(name, ending, participant)])[0]

    def tell(self, name: str, state: Any) -> None:
        """The agent's word of the contract's guest, now."""
        self.world.real.micros += 1000
        status = GuestStatus(self.node, name, 1, state, self.world.real.micros // 1000, "it broke")
        with self.world.begin() as connection:
            follow_guest(connection, status, self.world.real.micros)

    def pass_minutes(self, minutes: int) -> None:
        """Time passes, and the agent reports of the guest that is there in each minute, which is the last one's."""
        for _ in range(minutes):
            self.world.real.pass_minutes(1)
            minute = self.world.minute - 1
            there = [row for row in self.rows() if _has_guest(row, minute)]
            self.sequence += 1
            guests = tuple(GuestMinute(row["id"], 60, epoch=1) for row in there)
            report = UsageReport(self.node, self.sequence, minute, guests, since=self.start)
            with self.world.begin() as connection:
                metering.record(connection, self.world.minute, [report])

    def seconds(self, name: str) -> list[int]:
        """Minutes since the start that were reported for the contract."""
        with self.world.begin() as connection:
            query = select(usage_minute.c.minute).where(usage_minute.c.contract_id == name).order_by("minute")
            return [minute - self.start for minute in connection.execute(query).scalars()]

    def balances(self, owner: str) -> dict[str, int]:
        with self.world.begin() as connection:
            return ledger.balances(connection, owner)

    def check(self) -> None:
        """The books are right, the audit too, and another engine comes to the same memory."""
        assert first_difference(self.world.database) is None
        assert audit(self.world.database, None, lambda _done, _total: None).difference is None
        with self.world.begin() as connection:
            rebuilt = rebuild(connection, ZONE, lambda: None).state.shard
        assert rebuilt.state_hash() == self.engine.state.shard.state_hash()

    def close(self) -> None:
        """Time passes, and everything is accounted for: no escrow and no bond is left."""
        self.world.real.pass_minutes(self.end - self.world.minute + GRACE)
        with self.world.begin() as connection:
            complete_contracts(connection, self.world.minute, self.world.real.micros, GRACE, 100)
            assert completion.complete(connection, self.world.minute, self.world.real.micros, GRACE, 100) == []
        for owner in (self.provider, *self.traders):
            held = self.balances(owner)
            assert (held["escrow"], held["bond"]) == (0, 0)
        self.check()
        check_documents(self.world)


def _has_guest(row: dict[str, Any], minute: int) -> bool:
    until = row["ended_minute"] or row["end_minute"]
    begun = row["resumed_minute"] or row["start_minute"]
    return begun <= minute < until and row["want"] != "gone" and row["state"] not in ("failed", "busted")
