from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from billing import metering, settlement
from billing.tables import billable_contract
from common.wire import GuestMinute, UsageReport
from market.contracts.complete_contracts import complete_contracts
from market.engine.batch import BatchProcessor
from market.engine.commands import EndContract
from market.participants.reliability import MOST_OF_A_BUYER, UNPROVED, score_providers
from market.tables import contract, participant
from market.worker.reliability import _TURN, Reliability
from tests.market.factories import World, order

MINUTES = 1000
PPM = 1_000_000


class Town:
    """A provider that sells its node again and again."""

    def __init__(self, world: World, engine: BatchProcessor | None = None) -> None:
        self.world = world
        self.provider = world.provider(10**10)
        self.node = world.node(self.provider)
        self.engine = engine or world.engine()
        self.sequence = 0

    def deal(
        self,
        buyer: str,
        delivered: int,
        *,
        slices: int = 1,
        price_micros: int = 150,
        ready_after: int | None = None,
        **ending: Any,
    ) -> None:
        """A contract of MINUTES minutes, of which so many are delivered, through to its close. `ending` is an
        EndContract's after 100 minutes."""
        world, start = self.world, self.world.minute + 1
        until = start + MINUTES
        ask = world.ask(self.provider, self.node, slices=slices, available_until=until, price_micros=price_micros)
        order(self.engine.process([ask]))
        wanted = {"duration_minutes": MINUTES, "slices_per_guest": slices, "price_micros": max(200, price_micros)}
        bid = world.bid(buyer, nodes=(self.node,), **wanted)
        assert order(self.engine.process([bid]))["state"] == "filled"
        with world.begin() as connection:
            made = (
                connection.execute(select(contract.c.id).order_by(contract.c.created_at_micros.desc()))
                .scalars()
                .first()
            )
            assert made is not None
            if ready_after is not None:
                ready = (start + ready_after) * 60_000_000
                connection.execute(contract.update().where(contract.c.id == made).values(ready_at_micros=ready))
        world.real.pass_minutes(100)
        if ending:
            [answer] = self.engine.process([EndContract(made, participant=buyer, **ending)])
            assert answer.problem is None
        world.real.pass_minutes(MINUTES)
        self._deliver(made, start, delivered)

    def score(self) -> int:
        with self.world.begin() as connection:
            score_providers(connection, self.world.minute)
            query = select(participant.c.reliability_ppm).where(participant.c.id == self.provider)
            return int(connection.execute(query).scalar_one())

    def _deliver(self, made: str, start: int, minutes: int) -> None:
        reports = [
            UsageReport(self.node, self.sequence + number + 1, start + number, (GuestMinute(made, 60, 1),))
            for number in range(minutes)
        ]
        self.sequence += minutes
        micros = self.world.real.micros
        with self.world.begin() as connection:
            metering.record(connection, self.world.minute, reports)
            settlement.settle(connection, micros)
            complete_contracts(connection, self.world.minute, micros, 0, 100)
            state = select(billable_contract.c.state).where(billable_contract.c.contract_id == made)
            assert connection.execute(state).scalar_one() == "closed"


@pytest.fixture
def town(world: World) -> Town:
    return Town(world)


def test_a_score_is_what_was_delivered_of_what_was_owed_less_what_is_unproved(town: Town, world: World) -> None:
    assert town.score() == 0
    buyer = world.participant(10**9)
    town.deal(buyer, 1000)
    assert town.score() == 1000 * PPM // (1000 + UNPROVED)
    town.deal(buyer, 400)
    assert town.score() == 1400 * PPM // (2000 + UNPROVED)


def test_who_is_ready_in_time_is_forgiven_the_minutes_until_then_and_who_is_late_is_not(
    town: Town, world: World
) -> None:
    buyer = world.participant(10**9)
    town.deal(buyer, 996, ready_after=4)
    assert town.score() == 1000 * PPM // (1000 + UNPROVED)
    town.deal(buyer, 990, ready_after=9)
    assert town.score() == 1990 * PPM // (2000 + UNPROVED)


def test_what_a_buyer_gives_back_is_not_owed(town: Town, world: World) -> None:
    town.deal(world.participant(10**9), 100, ending="release")
    assert town.score() == 100 * PPM // (100 + UNPROVED)


def test_one_buyer_counts_only_so_much(town: Town, world: World) -> None:
    friend, other = world.participant(10**10), world.participant(10**10)
    town.deal(friend, 1000, slices=8)
    assert town.score() == MOST_OF_A_BUYER * PPM // (MOST_OF_A_BUYER + UNPROVED)
    town.deal(other, 0, slices=8)
    assert town.score() == MOST_OF_A_BUYER * PPM // (2 * MOST_OF_A_BUYER + UNPROVED)


def test_friends_who_trade_at_next_to_nothing_make_no_record(town: Town, world: World) -> None:
    """At the usual price the same record costs its fee, as everybody's does."""
    honest, friend = Town(world, town.engine), world.participant(10**9)
    for number in range(3):
        honest.deal(world.participant(10**9), 1000, price_micros=2000)
        town.deal(friend if number else world.participant(10**9), 1000, slices=8, price_micros=1)
    assert town.score() < PPM // 50
    assert honest.score() == 3000 * PPM // (3000 + UNPROVED)


def test_a_few_dear_trades_with_a_friend_lower_nobodys_score(town: Town, world: World) -> None:
    """They are most of the price, but not of the money that was paid."""
    rival = Town(world, town.engine)
    for _ in range(2):
        town.deal(world.participant(10**9), 1000, slices=4, price_micros=150)
    before = town.score()
    rival.deal(world.participant(10**9), 1000, price_micros=1100)
    assert town.score() == before == 8000 * PPM // (8000 + UNPROVED)


def test_neither_trades_with_oneself_nor_without_a_fee_count(town: Town, world: World) -> None:
    buyer = world.participant(10**9)
    town.deal(buyer, 1000)
    with world.begin() as connection:
        connection.execute(billable_contract.update().values(fee_ppm=0))
    assert town.score() == 0
    with world.begin() as connection:
        connection.execute(billable_contract.update().values(fee_ppm=1, buyer_id=town.provider))
    assert town.score() == 0


def test_what_is_long_ago_is_forgotten(town: Town, world: World) -> None:
    town.deal(world.participant(10**9), 1000)
    assert town.score() > 0
    world.real.pass_minutes(30 * 1440)
    assert town.score() == 0


def test_a_bid_that_asks_for_reliability_trades_with_who_has_it(town: Town, world: World) -> None:
    buyer = world.participant(10**9)
    wanted = {"min_reliability_ppm": 600_000, "time_in_force": "ioc"}
    order(town.engine.process([world.ask(town.provider, town.node)]))
    assert order(town.engine.process([world.bid(buyer, **wanted)]))["state"] == "canceled"
    world.real.pass_minutes(700)
    town.deal(buyer, 1000)
    assert town.score() == 625_000
    order(town.engine.process([world.ask(town.provider, town.node)]))
    assert order(town.engine.process([world.bid(buyer, **wanted)]))["state"] == "filled"


def test_scores_are_made_once_an_hour_by_one_worker(town: Town, world: World) -> None:
    town.deal(world.participant(10**9), 1000)
    with world.begin() as connection:
        connection.execute(select(func.pg_advisory_xact_lock(_TURN)))
        assert Reliability(world.database, world.clock).score_once() == 0
    worker = Reliability(world.database, world.clock)
    assert worker.score_once() == 1
    with world.begin() as connection:
        connection.execute(participant.update().values(reliability_ppm=0))
    assert worker.score_once() == 0
    world.real.pass_minutes(60)
    assert worker.score_once() == 1
