"""Accounts of the same people, a provider and two buyers, that do whatever they like with each other, and a rival."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, or_, select

from billing import ledger, metering, settlement
from billing.transfers import MARKET
from common.ids import new_id
from common.wire import GuestMinute, GuestStatus, UsageReport
from market.contracts.complete_contracts import complete_contracts
from market.contracts.end_contract import failing_contracts
from market.contracts.follow_guest import follow_guest
from market.engine.batch import BatchProcessor
from market.engine.commands import CancelAll, EndContract, Ending, RescaleContract
from market.instruments.instruments import Instrument, create_instrument
from market.tables import contract
from tests.market.factories import ZONE, World, order

SPOT = Instrument(zone=ZONE, slice_class="std", firmness="spot")
RIVAL_MICROS = 11_000
"""The rival's price: the bond of a contract at a price not far below pays for it."""
START_MICROS = 20_000_000
"""Money of each of them."""
_OVER = ("completed", "released", "reclaimed", "failed", "busted")


class Rival:
    """Somebody else, who offers more dearly, delivers everything, and comes in where a contract of theirs fails."""

    def __init__(self, world: World, engine: BatchProcessor) -> None:
        self.world = world
        self.engine = engine
        self.provider = world.provider(10**12)
        self.node = world.node(self.provider, vcpus=1000)
        fields = {"instrument": SPOT.code, "price_micros": RIVAL_MICROS, "slices": 1000}
        order(engine.process([world.ask(self.provider, self.node, **fields, available_until=world.minute + 50_000)]))
        self.sequence = 0


class Gang:
    """They trade with each other, and with a rival where a contract fails and is bought again."""

    def __init__(self, world: World, rival: Rival) -> None:
        self.world = world
        self.rival = rival
        self.engine = rival.engine
        self.provider, self.buyer, self.friend = (world.provider(START_MICROS) for _ in range(3))
        self.node = world.node(self.provider)
        self.sequence = 0
        self._before = self._others()

    def money(self) -> int:
        """Of them together, in all accounts."""
        return sum(self.money_of(who) for who in self._all)

    def money_of(self, who: str) -> int:
        """Of one of them."""
        with self.world.begin() as connection:
            return sum(ledger.balances(connection, who).values())

    def held(self) -> int:
        """What their contracts still bind."""
        with self.world.begin() as connection:
            return sum(ledger.balances(connection, who)[kind] for who in self._all for kind in ("escrow", "bond"))

    def paid_to_others(self) -> int:
        """Since they began: fees, taxes and forfeited bonds, and what the rival has got."""
        return self._others() - self._before

    def deal(self, price_micros: int, slices: int, minutes: int) -> None:
        """Sold to each other, from the next minute on; nothing where money or capacity is short."""
        until = self.world.minute + 1 + minutes
        fields = {"instrument": SPOT.code, "price_micros": price_micros}
        ask = self.world.ask(self.provider, self.node, slices=slices, available_until=until, **fields)
        bid = self.world.bid(
            self.buyer,
            slices_per_guest=slices,
            duration_minutes=minutes,
            time_in_force="ioc",
            replace_on_failure=True,
            **fields,
        )
        self.engine.process([ask, bid, self.world.cancel(ask.order, self.provider)])

    def decoy(self, price_micros: int) -> None:
        """An offer that nobody is meant to take, so that the cheapest offer of the market is their own."""
        fields = {"slices": 1, "price_micros": price_micros, "instrument": SPOT.code}
        self.engine.process([self.world.ask(self.provider, self.node, **fields)])

    def resell(self, price_micros: int) -> None:
        """The one who holds the newest contract sells the rest of it to the other."""
        for row in [row for row in self._live() if row.state != "resold"][:1]:
            other = self.friend if row.buyer_id == self.buyer else self.buyer
            fields = {"instrument": SPOT.code, "price_micros": price_micros}
            ask = self.world.ask(row.buyer_id, "", slices=0, available_until=0, contract=row.id, **fields)
            rest = {
                "slices_per_guest": row.slices,
                "duration_minutes": row.end_minute - max(row.start_minute, self.world.minute + 1),
                "time_in_force": "ioc",
                "start_by": row.end_minute,
            }
            if rest["duration_minutes"] > 0:
                bid = self.world.bid(other, **fields, **rest)
                self.engine.process([ask, bid, self.world.cancel(ask.order, row.buyer_id)])

    def grow(self, price_micros: int, more: int) -> None:
        """The newest guest gets so many slices more of their node, for as long as it runs; nothing where they cannot be
        had."""
        for row in [row for row in self._live() if row.node_id == self.node][:1]:
            fields = {"instrument": SPOT.code, "price_micros": price_micros, "slices": more}
            ask = self.world.ask(self.provider, self.node, **fields, available_until=row.end_minute)
            grown = self._rescaled(row, self._slices(row) + more, price_micros)
            self.engine.process([ask, grown, self.world.cancel(ask.order, self.provider)])

    def shrink(self) -> None:
        """The newest guest gives back all slices that it was given."""
        self.engine.process([self._rescaled(row, row.slices, None) for row in self._live()[:1]])

    def pass_time(self, seconds: Sequence[int]) -> None:
        """A minute for each number, in which every guest on their node is said to be delivered for so many seconds."""
        for delivered in seconds:
            self.world.real.pass_minutes(1)
            guests: dict[str, list[GuestMinute]] = defaultdict(list)
            minute = self.world.minute - 1
            for row in self.contracts():
                if row.grows is None and row.start_minute <= minute < (row.ended_minute or row.end_minute):
                    told = delivered if row.node_id == self.node else 60
                    guests[row.node_id].append(GuestMinute(row.id, told, epoch=1))
            reports = [UsageReport(node, self._next(node), minute, tuple(told)) for node, told in guests.items()]
            with self.world.begin() as connection:
                metering.record(connection, self.world.minute, reports)

    def fail(self) -> None:
        """The newest guest that could fail does so."""
        for row in [row for row in self._live() if row.node_id == self.node]:
            status = GuestStatus(
                self.node, row.id, row.revision, "failed", self.world.real.micros // 1000, "on purpose"
            )
            with self.world.begin() as connection:
                follow_guest(connection, status, self.world.real.micros)
                failing = failing_contracts(connection, 100)
            self.engine.process([EndContract(each.contract, "fail") for each in failing])
            return

    def end(self, ending: Ending) -> None:
        """The newest contract is released by its buyer, or reclaimed by its provider."""
        for row in self._live():
            self.engine.process([EndContract(row.id, ending, row.buyer_id if ending == "release" else self.provider)])
            return

    def settle(self) -> None:
        """Money follows minutes."""
        with self.world.begin() as connection:
            settlement.settle(connection, self.world.real.micros)

    def close(self) -> None:
        """Until every contract is over and closed. Nothing of theirs stays on the book: nobody would deliver it."""
        self.engine.process([CancelAll(who) for who in self._all])
        self.world.real.pass_minutes(200)
        self.settle()
        with self.world.begin() as connection:
            complete_contracts(connection, self.world.minute, self.world.real.micros, 0, 1000)

    def contracts(self) -> list[Row[Any]]:
        """All of them, the newest first."""
        theirs = or_(contract.c.provider_id == self.provider, contract.c.buyer_id.in_((self.buyer, self.friend)))
        query = select(contract).where(theirs)
        with self.world.begin() as connection:
            return list(connection.execute(query.order_by(contract.c.id.desc())))

    @property
    def _all(self) -> tuple[str, str, str]:
        return self.provider, self.buyer, self.friend

    def _live(self) -> list[Row[Any]]:
        """Those with a guest of their own."""
        return [row for row in self.contracts() if row.state not in _OVER and row.grows is None]

    def _slices(self, main: Row[Any]) -> int:
        """Of its guest, in all."""
        grown = [row for row in self.contracts() if row.grows == main.id and row.state not in _OVER]
        return int(main.slices + sum(row.slices for row in grown))

    def _rescaled(self, main: Row[Any], slices: int, price_micros: int | None) -> RescaleContract:
        name = new_id("ord", self.world.real.micros // 1000)
        return RescaleContract(
            contract=main.id, participant=main.buyer_id, slices=slices, order=name, price_micros=price_micros
        )

    def _next(self, node: str) -> int:
        whose: Gang | Rival = self if node == self.node else self.rival
        whose.sequence += 1
        return whose.sequence

    def _others(self) -> int:
        with self.world.begin() as connection:
            balances = ledger.balances(connection, MARKET)
        return sum(balances[kind] for kind in ("fees", "tax", "reserve")) + self.money_of(self.rival.provider)


def open_spot(world: World) -> None:
    """An instrument whose contracts may be reclaimed."""
    with world.begin() as connection:
        create_instrument(connection, SPOT)
