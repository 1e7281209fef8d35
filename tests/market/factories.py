"""A small market in a database of its own: an instrument, a provider with an online node, buyers with cash, an
engine."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, select

from billing import identities, ledger
from billing.accounts import Cash
from billing.deposits import deposit
from billing.identities import Form
from billing.transfers import MARKET
from common.clock import ClockAnchor, MarketClock
from common.ids import new_id
from common.minutes import MICROS_PER_MINUTE
from common.wire import Capacity
from market.engine import fence as fencing
from market.engine.batch import BatchProcessor
from market.engine.commands import Answer, CancelOrder, Command, GuestTemplate, PlaceAsk, PlaceBid
from market.engine.recovery import recover
from market.engine.state import EngineState
from market.instruments.instruments import Instrument, create_instrument
from market.instruments.slice_classes import STANDARD, add_class
from market.nodes.register_node import register_node
from market.participants.become_provider import become_provider
from market.participants.create_participant import create_participant
from market.tables import contract, node, orders
from runtime.deployment import establish

ZONE = "fra1"
INSTRUMENT = Instrument(zone=ZONE, slice_class="std", firmness="firm")
CODE = INSTRUMENT.code
START_MINUTE = 29_000_000
LEASE_SECONDS = 600.0

PROVIDER_FORM = Form(
    company="Alster Analytics GmbH",
    tax_number="DE136695976",
    iban="DE89370400440532013000",
    country="DE",
    street="Jungfernstieg 7",
    postcode="20354",
    city="Hamburg",
)


@dataclass
class HandClock:
    """Real time that stands until it is moved."""

    micros: int = START_MINUTE * MICROS_PER_MINUTE

    def monotonic(self) -> float:
        return self.micros / 1_000_000

    def working(self) -> float:
        return self.monotonic()

    def wall_micros(self) -> int:
        return self.micros

    def pass_minutes(self, minutes: int) -> None:
        self.micros += minutes * MICROS_PER_MINUTE


@dataclass
class World:
    """The database, the time, and ids of what was made. Orders are numbered in the order in which they are made."""

    database: Engine
    real: HandClock = field(default_factory=HandClock)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def clock(self) -> MarketClock:
        return MarketClock(ClockAnchor(self.real.micros, self.real.micros), self.real)

    @property
    def minute(self) -> int:
        return self.real.micros // MICROS_PER_MINUTE

    def establish(self) -> None:
        with self.database.begin() as connection:
            establish(connection, "EUR", self.clock.anchor)
            ledger.open_market_accounts(connection)
            identities.save(connection, MARKET, PROVIDER_FORM, self.real.micros)
            for standard in STANDARD:
                add_class(connection, standard)
            create_instrument(connection, INSTRUMENT)

    def participant(self, cash_micros: int = 0) -> str:
        with self.database.begin() as connection:
            return self._participant(connection, cash_micros)

    def provider(self, cash_micros: int = 10_000_000) -> str:
        with self.database.begin() as connection:
            created = self._participant(connection, cash_micros)
            become_provider(connection, self.real.micros, created, PROVIDER_FORM)
            return created

    def node(self, owner: str, *, vcpus: int = 8, reserved_minutes: int = 100_000) -> str:
        with self.database.begin() as connection:
            offered = Capacity(vcpus, vcpus * 2048, vcpus * 10)
            row = register_node(
                connection,
                self._ms(),
                owner,
                name=f"node-{next(self._numbers)}",
                zone=ZONE,
                offered=offered,
                reserved_until=self.minute + reserved_minutes,
            )
            connection.execute(node.update().where(node.c.id == row["id"]).values(state="online"))
            created: str = row["id"]
            return created

    def bid(self, participant: str, **fields: Any) -> PlaceBid:
        defaults: dict[str, Any] = {
            "order": new_id("ord", self._ms()),
            "client_order_id": None,
            "instrument": CODE,
            "price_micros": 200,
            "time_in_force": "gtc",
            "guests": 1,
            "slices_per_guest": 1,
            "duration_minutes": 10,
            "start_from": None,
            "start_by": None,
            "template": GuestTemplate("web", "default"),
        }
        return PlaceBid(participant=participant, **(defaults | fields))

    def ask(self, participant: str, node_id: str, **fields: Any) -> PlaceAsk:
        defaults: dict[str, Any] = {
            "order": new_id("ord", self._ms()),
            "client_order_id": None,
            "instrument": CODE,
            "price_micros": 150,
            "time_in_force": "gtc",
            "slices": 4,
            "available_from": None,
            "available_until": self.minute + 600,
            "min_minutes": 1,
        }
        return PlaceAsk(participant=participant, node=node_id, **(defaults | fields))

    def cancel(self, order: str, participant: str, reason: str = "requested") -> CancelOrder:
        return CancelOrder(order, participant, reason)

    def engine(self, holder: str = "first") -> BatchProcessor:
        """An engine that has just taken the shard over. Leases are given up, so that the next one may take it."""
        with self.database.begin() as connection:
            fence = fencing.acquire(connection, ZONE, holder, LEASE_SECONDS)
        assert fence is not None
        with self.database.begin() as connection:
            state: EngineState = recover(connection, fence, lambda: None)
            fencing.release(connection, fence)
        return BatchProcessor(self.database, self.clock, state, fence, lease_seconds=-1)

    def cash(self, participant: str) -> Cash:
        with self.database.begin() as connection:
            return ledger.cash(connection, [participant])[participant]

    def order_row(self, order: str) -> dict[str, Any]:
        with self.database.begin() as connection:
            return dict(connection.execute(select(orders).where(orders.c.id == order)).mappings().one())

    def orders_of(self, participant: str) -> list[dict[str, Any]]:
        """Oldest first."""
        of = select(orders).where(orders.c.participant_id == participant).order_by(orders.c.sequence)
        with self.database.begin() as connection:
            return [dict(row) for row in connection.execute(of).mappings()]

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        with self.database.begin() as connection:
            yield connection

    def _participant(self, connection: Connection, cash_micros: int) -> str:
        number = next(self._numbers)
        created, _ = create_participant(connection, self._ms(), f"Company {number}", f"p{number}@example.org")
        if cash_micros:
            deposit(connection, created.id, cash_micros, f"deposit/{number}", self.real.micros)
        return created.id

    def _ms(self) -> int:
        return self.real.micros // 1000


def order(answers: list[Answer]) -> dict[str, Any]:
    """The one order that was answered with."""
    [answer] = answers
    assert answer.problem is None, answer.problem
    assert answer.order is not None
    return answer.order


def code(answers: list[Answer]) -> str:
    """The code of the one problem that was answered with."""
    [answer] = answers
    assert answer.problem is not None, answer.order
    return answer.problem.code


def commands(*given: Command) -> list[Command]:
    """A batch."""
    return list(given)


def contract_of(world: World, *, minutes: int = 10) -> dict[str, Any]:
    """The row of a contract that was just traded."""
    provider, buyer = world.provider(), world.participant(5_000_000)
    engine = world.engine()
    order(engine.process([world.ask(provider, world.node(provider))]))
    order(engine.process([world.bid(buyer, duration_minutes=minutes)]))
    with world.begin() as connection:
        return dict(connection.execute(select(contract)).mappings().one())
