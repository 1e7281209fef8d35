"""A market to load: buyers and providers with more cash and capacity than any stream uses up, and the streams."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from billing.deposits import deposit
from common.clock import MarketClock
from common.ids import new_id
from common.wire import Capacity
from market.engine.commands import CancelOrder, Command, GuestTemplate, PlaceAsk, PlaceBid
from market.instruments.instruments import Instrument, create_instrument
from market.nodes.register_node import register_node
from market.participants.become_provider import become_provider
from market.participants.create_participant import create_participant
from market.tables import node
from nestex.bootstrap import MARKET_IDENTITY

ZONE = "fra1"
INSTRUMENT = Instrument(zone=ZONE, slice_class="std", firmness="firm")

_BUYERS = 100
_PROVIDERS = 20
_CASH_MICROS = 10**15
_RESERVED_MINUTES = 80_000
_VCPUS = 1_000_000
_TEMPLATE = GuestTemplate("web", "default", ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGq0 somebody@example.org",))


@dataclass(frozen=True, slots=True)
class Cast:
    """Who trades: participants with the text of their keys, and (provider, node) pairs."""

    buyers: tuple[str, ...]
    keys: tuple[str, ...]
    nodes: tuple[tuple[str, str], ...]


def furnish(database: Engine, clock: MarketClock) -> Cast:
    """An instrument, buyers with cash, providers with cash and an online node each."""
    with database.begin() as connection:
        create_instrument(connection, INSTRUMENT)
        buyers, keys, nodes = [], [], []
        for number in range(_BUYERS + _PROVIDERS):
            made, key = create_participant(connection, clock.now_ms(), f"P{number}", f"p{number}@example.org")
            deposit(connection, made.id, _CASH_MICROS, "bench", clock.now_micros())
            if number < _BUYERS:
                buyers.append(made.id)
                keys.append(key)
                continue
            become_provider(connection, clock.now_micros(), made.id, MARKET_IDENTITY)
            offered = Capacity(_VCPUS, _VCPUS * 2048, _VCPUS * 10)
            until = clock.minute() + _RESERVED_MINUTES
            row = register_node(
                connection, clock.now_ms(), made.id, name="n", zone=ZONE, offered=offered, reserved_until=until
            )
            nodes.append((made.id, row["id"]))
        connection.execute(node.update().values(state="online"))
    return Cast(tuple(buyers), tuple(keys), tuple(nodes))


def resting(cast: Cast, minute: int, count: int) -> Sequence[Command]:
    """Bids that meet nothing."""
    draw = random.Random(1)
    return [_bid(draw, cast, minute, draw.randint(50, 149)) for _ in range(count)]


def mixed(cast: Cast, minute: int, count: int) -> Sequence[Command]:
    """60 % limit orders of which a fifth cross, 30 % cancels, 10 % immediate-or-cancel bids."""
    return list(_mixed(random.Random(2), cast, minute, count))


def _mixed(draw: random.Random, cast: Cast, minute: int, count: int) -> Iterator[Command]:
    entered: list[PlaceBid | PlaceAsk] = []
    for _ in range(count):
        kind = draw.random()
        if kind < 0.3 and entered:
            order = entered.pop(draw.randrange(len(entered)))
            yield CancelOrder(order.order, order.participant)
        elif kind < 0.4:
            yield _bid(draw, cast, minute, 200, "ioc")
        else:
            is_bid, crosses = draw.random() < 0.5, draw.random() < 0.2
            if is_bid:
                entered.append(_bid(draw, cast, minute, 200 if crosses else draw.randint(50, 149)))
            else:
                entered.append(_ask(draw, cast, minute, 100 if crosses else draw.randint(151, 300)))
            yield entered[-1]


def _bid(draw: random.Random, cast: Cast, minute: int, price: int, time_in_force: str = "gtc") -> PlaceBid:
    order = new_id("ord", minute * 60_000)
    start = minute + draw.randint(2, 600)
    return PlaceBid(
        order=order,
        participant=draw.choice(cast.buyers),
        client_order_id=f"c-{order[4:]}",
        instrument=INSTRUMENT.code,
        price_micros=price,
        time_in_force="ioc" if time_in_force == "ioc" else "gtc",
        guests=draw.randint(1, 2),
        slices_per_guest=draw.randint(1, 4),
        duration_minutes=draw.randint(10, 240),
        start_from=start,
        start_by=start + draw.randint(60, 240),
        template=_TEMPLATE,
    )


def _ask(draw: random.Random, cast: Cast, minute: int, price: int) -> PlaceAsk:
    order = new_id("ord", minute * 60_000)
    provider, node_id = draw.choice(cast.nodes)
    start = minute + draw.randint(2, 300)
    return PlaceAsk(
        order=order,
        participant=provider,
        client_order_id=f"c-{order[4:]}",
        instrument=INSTRUMENT.code,
        price_micros=price,
        time_in_force="gtc",
        node=node_id,
        slices=draw.randint(1, 16),
        available_from=start,
        available_until=start + draw.randint(300, 1440),
        min_minutes=1,
    )
