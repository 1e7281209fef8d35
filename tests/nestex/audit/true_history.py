"""A history of a small market, made by its engine: every kind of order, of amendment and of end, in two zones.

Most of the entries that the tests change came in one batch with another of their participant, so that the facts of one
are facts of the other.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from common.wire import Capacity
from market.contracts.fail_contract import fail_contract
from market.engine import fence as fencing
from market.engine import snapshots
from market.engine.batch import BatchProcessor
from market.engine.commands import AmendOrder, CancelAll, Command, EndContract, Expire, GuestTemplate, PlaceGroup
from market.engine.recovery import rebuild, recover
from market.instruments.instruments import Instrument, create_instrument
from market.tables import contract, instrument
from tests.market.factories import CODE, ZONE, World

ELSEWHERE = "ber1"

Tags = dict[str, str]
"""The orders of entries that the tests change, by name."""


def make_history(world: World) -> Tags:
    """The order of each tag."""
    world.establish()
    with world.begin() as connection:
        create_instrument(connection, Instrument(zone=ELSEWHERE, slice_class="std", firmness="firm"))
    cast = _Cast(world)
    tags = cast.trade_and_rest()
    cast.meet_oneself()
    _keep_snapshot(world)
    tags |= cast.amend() | cast.choose() | cast.share()
    cast.end_in_every_way()
    cast.trade_elsewhere()
    _keep_snapshot(world)
    world.real.pass_minutes(2)
    return tags | cast.trade_once_more() | cast.end_contracts()


class _Cast:
    """The participants, their nodes, and the engine."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sellers = [world.provider(), world.provider()]
        self.nodes = [world.node(owner, vcpus=20) for owner in (*self.sellers, self.sellers[0])]
        self.buyers = [world.participant(9_000_000) for _ in range(3)]
        self.engine = world.engine()
        self.rest: dict[str, Any] = {"start_by": world.minute + 90, "price_micros": 100}

    def batch(self, *commands: Command) -> None:
        """All of them must be let in."""
        for answer in self.engine.process(commands):
            assert answer.problem is None, answer.problem

    def trade_and_rest(self) -> Tags:
        world, (seller, other) = self.world, self.sellers
        until = world.minute + 600
        dear = world.ask(seller, self.nodes[0], slices=3, price_micros=190, available_until=until)
        ask = world.ask(seller, self.nodes[0], slices=4, client_order_id="offer", self_trade_prevention="cancel_maker")
        self.batch(ask, dear)
        good: dict[str, Any] = {"time_in_force": "gtd", "expires_at": world.minute + 200}
        gtd_ask = world.ask(other, self.nodes[1], price_micros=140, min_minutes=5, slices=6, **good)
        self.batch(gtd_ask, world.ask(other, self.nodes[1], price_micros=170, slices=2, post_only=True))
        template = GuestTemplate("shop", "default", ("ssh-ed25519 AAAA",), "#cloud-config")
        bid = world.bid(
            self.buyers[0],
            guests=3,
            slices_per_guest=2,
            duration_minutes=30,
            start_from=world.minute + 2,
            start_by=world.minute + 60,
            template=template,
            client_order_id="wish",
            avoid_providers=(self.buyers[1],),
            nodes=(self.nodes[0], self.nodes[1]),
        )
        self.batch(bid, world.bid(self.buyers[0], guests=2, **self.rest))
        gtd_bid = world.bid(self.buyers[1], guests=5, **self.rest, **good)
        self.batch(gtd_bid, world.bid(self.buyers[1], slices_per_guest=3, duration_minutes=40))
        return {"bid": bid.order, "ask": ask.order, "gtd bid": gtd_bid.order, "gtd ask": gtd_ask.order}

    def meet_oneself(self) -> None:
        world, seller = self.world, self.sellers[0]
        for mode in ("cancel_taker", "cancel_maker", "cancel_both"):
            self.batch(world.ask(seller, self.nodes[2], slices=1, price_micros=120))
            own: dict[str, Any] = {"price_micros": 130, "self_trade_prevention": mode}
            self.batch(world.bid(seller, start_by=world.minute + 20, **own))
        self.batch(CancelAll(seller, side="bid"))

    def amend(self) -> Tags:
        world, buyer, seller = self.world, self.buyers[2], self.sellers[1]
        bids = [world.bid(buyer, guests=6, client_order_id=f"bid {place}", **self.rest) for place in range(3)]
        asks = [world.ask(seller, self.nodes[1], slices=2, price_micros=300 + place) for place in range(3)]
        self.batch(*bids, *asks)
        world.real.pass_minutes(1)
        self.batch(
            AmendOrder(bids[0].order, buyer, 1, price_micros=160),
            AmendOrder(bids[1].order, buyer, 1, price_micros=95),
            AmendOrder(bids[2].order, buyer, 1, guests=4),
        )
        self.batch(
            AmendOrder(asks[0].order, seller, 1, price_micros=94),
            AmendOrder(asks[1].order, seller, 1, price_micros=290),
            AmendOrder(asks[2].order, seller, 1, slices=1),
        )
        canceled = world.bid(buyer, **self.rest | {"price_micros": 80})
        self.batch(canceled)
        self.batch(world.cancel(canceled.order, buyer))
        return {
            "repriced bid": bids[0].order,
            "fewer guests": bids[2].order,
            "repriced ask": asks[0].order,
            "fewer slices": asks[2].order,
            "cancel": canceled.order,
        }

    def choose(self) -> Tags:
        """Two exclusive groups: one of which a bid trades later, and one that rests."""
        world, buyer = self.world, self.buyers[2]
        late = [
            world.bid(buyer, price_micros=60 + place, start_from=start, start_by=start, client_order_id=f"one {place}")
            for place, start in enumerate((world.minute + 210, world.minute + 215, world.minute + 220))
        ]
        both = [world.bid(buyer, price_micros=price, guests=2, start_by=world.minute + 300) for price in (41, 40)]
        self.batch(PlaceGroup(tuple(late)), PlaceGroup(tuple(both)))
        window: dict[str, Any] = {"available_from": world.minute + 205, "available_until": world.minute + 240}
        self.batch(world.ask(self.sellers[0], self.nodes[2], slices=1, price_micros=61, **window))
        return {"group": late[0].order}

    def share(self) -> Tags:
        """Two linked asks: what one sells, the other loses; and two of which one is cut to nothing."""
        world, seller, other = self.world, *self.sellers
        own = world.node(seller, vcpus=6)
        late: dict[str, Any] = {"available_from": world.minute + 310, "available_until": world.minute + 340}
        late |= {"linked": True, "keep": Capacity(1, 0, 0)}
        asks = [world.ask(seller, own, slices=slices, price_micros=70 + slices, **late) for slices in (4, 5)]
        self.batch(*asks)
        small = world.node(other, vcpus=2)
        whole: dict[str, Any] = late | {"keep": Capacity(0, 0, 0), "slices": 2}
        self.batch(*(world.ask(other, small, price_micros=price, **whole) for price in (90, 91)))
        start = {"start_from": world.minute + 312, "start_by": world.minute + 312, "duration_minutes": 20}
        self.batch(world.bid(self.buyers[1], guests=2, price_micros=80, **start))
        early = {"start_from": world.minute + 310, "start_by": world.minute + 310, "duration_minutes": 30}
        self.batch(world.bid(self.buyers[1], guests=2, price_micros=90, nodes=(small,), **early))
        return {"linked ask": asks[1].order}

    def end_in_every_way(self) -> None:
        world, buyer = self.world, self.buyers[1]
        for guests in (40, 1):
            self.batch(world.bid(buyer, guests=guests, time_in_force="fok", price_micros=250))
        self.batch(world.bid(buyer, guests=30, slices_per_guest=1, time_in_force="ioc"))
        self.batch(world.bid(buyer, post_only=True, price_micros=310))
        self.batch(world.bid(buyer, time_in_force="gtd", expires_at=world.minute))
        for mode in ("post_only", "halted"):
            self._set_mode(mode)
            self.batch(world.bid(buyer, price_micros=310))
        self._set_mode("open")
        self.batch(world.bid(buyer, price_micros=40, start_by=world.minute + 3))
        self.batch(world.bid(buyer, price_micros=40, time_in_force="gtd", expires_at=world.minute + 4, **_long(world)))
        world.real.pass_minutes(5)
        self.batch(Expire())

    def trade_elsewhere(self) -> None:
        world = self.world
        with world.begin() as connection:
            fence = fencing.acquire(connection, ELSEWHERE, "elsewhere", 600)
        assert fence is not None
        with world.begin() as connection:
            state = recover(connection, fence, lambda: None)
        engine = BatchProcessor(world.database, world.clock, state, fence, lease_seconds=600)
        placed = world.bid(self.buyers[0], instrument=f"{ELSEWHERE}.std.firm", **self.rest)
        assert engine.process([placed])[0].problem is None

    def trade_once_more(self) -> Tags:
        world = self.world
        late: dict[str, Any] = {"available_from": world.minute + 50, "available_until": world.minute + 80}
        lone = world.ask(self.sellers[0], self.nodes[0], slices=1, price_micros=60, **late)
        self.batch(lone)
        self.batch(world.bid(self.buyers[2], start_by=world.minute + 20, price_micros=50, guests=2))
        return {"lone ask": lone.order}

    def end_contracts(self) -> Tags:
        with self.world.begin() as connection:
            query = select(contract.c.id).where(contract.c.buyer_id == self.buyers[0], contract.c.shard == ZONE)
            released, busted = connection.execute(query.order_by(contract.c.id).limit(2)).scalars()
        self.batch(EndContract(released, "release", self.buyers[0]))
        self.batch(EndContract(busted, "bust", reason="a wrong price"))
        return {"released": released} | self.fail_contracts()

    def fail_contracts(self) -> Tags:
        """Two guests fail: one is bought again, the other cannot be."""
        world, fresh = self.world, self.world.participant(9_000_000)
        node, other = world.node(self.sellers[0], vcpus=2), world.node(self.sellers[1], vcpus=1)
        offered: dict[str, Any] = {"available_until": world.minute + 31}
        self.batch(world.ask(self.sellers[0], node, slices=2, price_micros=180, **offered))
        asked: dict[str, Any] = {"replace_on_failure": True, "duration_minutes": 30, "nodes": (node, other)}
        self.batch(*(world.bid(fresh, template=GuestTemplate(name, "default"), **asked) for name in ("one", "two")))
        with world.begin() as connection:
            query = select(contract).where(contract.c.buyer_id == fresh).order_by(contract.c.id)
            rows = connection.execute(query).mappings().all()
            for row in rows:
                fail_contract(connection, row, row["start_minute"], "it broke", world.real.micros)
        self.batch(world.ask(self.sellers[1], other, slices=1, price_micros=172, **offered))
        for row in rows:
            self.batch(EndContract(row["id"], "fail"))
        with world.begin() as connection:
            bought = select(contract.c.bid_order_id).where(contract.c.replaces == rows[0]["id"])
            return {"replaced": rows[0]["id"], "replacing": connection.execute(bought).scalar_one()}

    def _set_mode(self, mode: str) -> None:
        with self.world.begin() as connection:
            connection.execute(update(instrument).where(instrument.c.code == CODE).values(mode=mode))


def _long(world: World) -> dict[str, Any]:
    return {"start_by": world.minute + 90}


def _keep_snapshot(world: World) -> None:
    with world.begin() as connection:
        built = rebuild(connection, ZONE, lambda: None)
        snapshots.write(connection, built.state, built.next_sequence)
