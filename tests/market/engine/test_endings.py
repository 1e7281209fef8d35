"""Contracts that end early by way of the engine: money, the agent's orders, capacity, and what proves it all."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from billing import completion, ledger, metering
from common import codec
from common.minutes import Window
from common.wire import Allocation, Capacity, GuestMinute, GuestStatus, UsageReport
from market.contracts.end_contract import failing_contracts
from market.contracts.follow_guest import follow_guest
from market.engine.batch import BatchProcessor
from market.engine.commands import Answer, EndContract
from market.engine.recovery import rebuild
from market.nodes.liveness import live_revisions
from market.tables import contract, instrument
from nestex.audit.market import audit
from nestex.books import first_difference
from runtime import outbox
from tests.market.factories import CODE, ZONE, World, code, order

MINUTES = 60
SLICES = 4
GROSS = 150 * SLICES
"""Of a minute, at the ask's price."""
GRACE = 5


class Deal:
    """A whole node of four vCPUs, sold for an hour from the next minute on."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.provider, self.buyer = world.provider(), world.participant(50_000_000)
        self.node = world.node(self.provider, vcpus=SLICES)
        self.engine: BatchProcessor = world.engine()
        until = world.minute + 1 + MINUTES
        order(self.engine.process([world.ask(self.provider, self.node, available_until=until)]))
        order(self.engine.process([world.bid(self.buyer, duration_minutes=MINUTES, slices_per_guest=SLICES)]))
        self.start = world.minute + 1
        self.sequence = 0

    @property
    def row(self) -> dict[str, Any]:
        with self.world.begin() as connection:
            return dict(connection.execute(select(contract)).mappings().one())

    def deliver(self, minutes: int) -> None:
        """So many minutes pass after the start, and are reported."""
        self.world.real.pass_minutes(minutes + 1)
        with self.world.begin() as connection:
            for minute in range(self.start, self.start + minutes):
                self.sequence += 1
                guests = (GuestMinute(self.row["id"], 60, epoch=1),)
                metering.record(connection, self.world.minute, [UsageReport(self.node, self.sequence, minute, guests)])

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
        """The books are right, the audit too, and another engine comes to the same memory."""
        assert first_difference(self.world.database) is None
        assert audit(self.world.database, None, lambda _done, _total: None).difference is None
        with self.world.begin() as connection:
            rebuilt = rebuild(connection, ZONE, lambda: None).state.shard
        assert rebuilt.state_hash() == self.engine.state.shard.state_hash()

    def close(self) -> None:
        """Time passes, and everything is accounted for."""
        self.world.real.pass_minutes(MINUTES + GRACE)
        with self.world.begin() as connection:
            closed = completion.complete(connection, self.world.minute, self.world.real.micros, GRACE, 10)
            assert [done.contract_id for done in closed] == [self.row["id"]]
            assert ledger.balances(connection, self.buyer)["escrow"] == 0
            assert ledger.balances(connection, self.provider)["bond"] == 0
        self.check()


@pytest.fixture
def deal(world: World) -> Deal:
    return Deal(world)


def with_vat(micros: int) -> int:
    return micros + micros * 19 // 100


def make_spot(world: World) -> None:
    with world.begin() as connection:
        connection.execute(update(instrument).where(instrument.c.code == CODE).values(firmness="spot"))


def test_a_release_pays_its_fee_and_gives_the_capacity_back_from_the_next_minute_on(deal: Deal) -> None:
    deal.tell("ready")
    deal.deliver(10)
    assert code(deal.sell_again()) == "insufficient_capacity"
    [answer] = deal.end("release", deal.buyer)
    assert answer.ended is not None
    rest = MINUTES - 11
    fee, used = GROSS * rest * 200_000 // 1_000_000, GROSS * 11
    assert answer.ended["fee_micros"] == with_vat(fee)
    assert answer.ended["refund_micros"] == with_vat(GROSS * MINUTES) - with_vat(used + fee)
    row = deal.row
    assert (row["state"], row["ended_minute"], row["revision"]) == ("released", deal.start + 11, 2)
    told = deal.told()
    assert (told.want, told.end, told.revision) == ("run", deal.start + 11, 2)
    with deal.world.begin() as connection:
        assert live_revisions(connection, deal.node) == {row["id"]: 2}
    deal.check()
    assert order(deal.sell_again())["available_from"] == deal.start + 11
    deal.close()


def test_a_release_before_the_start_stops_the_agent_at_once(world: World) -> None:
    deal = Deal(world)
    [answer] = deal.end("release", deal.buyer)
    assert answer.ended is not None
    assert answer.ended["minute"] == deal.start
    assert (deal.told().want, deal.row["state"]) == ("gone", "released")
    with world.begin() as connection:
        assert live_revisions(connection, deal.node) == {}
    order(deal.sell_again())
    deal.close()


def test_a_release_is_free_once_the_provider_is_late(deal: Deal) -> None:
    with deal.world.begin() as connection:
        deadline = connection.execute(select(instrument.c.delivery_deadline_minutes)).scalar_one()
    deal.world.real.pass_minutes(deadline + 1)
    [answer] = deal.end("release", deal.buyer)
    assert answer.ended is not None
    assert answer.ended["fee_micros"] == 0
    deal.check()


def test_a_spot_contract_is_reclaimed_after_two_minutes_notice(world: World) -> None:
    make_spot(world)
    deal = Deal(world)
    deal.tell("ready")
    deal.deliver(10)
    [answer] = deal.end("reclaim", deal.provider)
    assert answer.ended is not None
    assert (answer.ended["minute"], deal.told().end) == (deal.start + 13, deal.start + 13)
    assert answer.ended["compensation_micros"] == GROSS * (MINUTES - 13) * 100_000 // 1_000_000
    assert deal.row["state"] == "reclaimed"
    assert code(deal.sell_again()) == "insufficient_capacity", "the guest still runs"
    order(deal.sell_again(available_from=deal.start + 13))
    deal.close()


def test_a_firm_contract_is_not_reclaimed_and_nobody_ends_what_is_not_his(deal: Deal) -> None:
    assert code(deal.end("reclaim", deal.provider)) == "not_reclaimable"
    assert code(deal.end("release", deal.provider)) == "not_your_side"
    assert code(deal.end("reclaim", deal.buyer)) == "not_your_side"
    assert code(deal.end("release", deal.world.participant())) == "not_found"
    assert code(deal.engine.process([EndContract("con_none", "release", deal.buyer)])) == "not_found"
    assert code(deal.end("fail")) == "state_forbids"
    assert deal.row["state"] == "scheduled"
    deal.check()


@pytest.mark.parametrize(("others_price", "dearer"), [(None, 0), (140, 0), (160, 10)])
def test_a_failed_guest_pays_the_buyers_replacement_out_of_the_bond(
    world: World, others_price: int | None, dearer: int
) -> None:
    deal = Deal(world)
    deal.tell("ready")
    deal.deliver(10)
    deal.tell("failed")
    if others_price is not None:
        other = world.provider()
        order(deal.engine.process([world.ask(other, world.node(other), price_micros=others_price)]))
    assert (deal.row["state"], deal.told().want) == ("failed", "gone")
    with world.begin() as connection:
        assert [failing.contract for failing in failing_contracts(connection, 10)] == [deal.row["id"]]
        assert completion.complete(connection, world.minute, world.real.micros, GRACE, 10) == []
    deal.check()
    [answer] = deal.end("fail")
    assert answer.ended is not None
    assert answer.ended["minute"] == deal.start + 10
    paid, bond = dearer * SLICES * (MINUTES - 10), GROSS * (MINUTES - 10) * 200_000 // 1_000_000
    assert answer.ended["compensation_micros"] == paid
    assert code(deal.end("fail")) == "state_forbids"
    with world.begin() as connection:
        assert failing_contracts(connection, 10) == []
        assert ledger.balances(connection, "market")["reserve"] == bond - paid
    order(deal.sell_again())
    deal.close()


def test_a_bust_takes_everything_back(deal: Deal) -> None:
    deal.deliver(10)
    assert deal.end("bust", reason="a wrong price")[0].problem is None
    row = deal.row
    assert (row["state"], row["reason"], row["want"]) == ("busted", "a wrong price", "gone")
    after = [deal.world.cash(party).balance_micros for party in (deal.buyer, deal.provider)]
    assert after == [50_000_000, 10_000_000]
    order(deal.sell_again())
    deal.check()


def test_an_ending_waits_for_the_orders_before_it_and_those_after_it_see_the_capacity(deal: Deal) -> None:
    world = deal.world
    offer = {"available_from": deal.start + 2, "available_until": deal.start + MINUTES}
    answers = deal.engine.process(
        [
            world.ask(deal.provider, deal.node, **offer),
            EndContract(deal.row["id"], "release", deal.buyer),
            world.ask(deal.provider, deal.node, **offer),
        ]
    )
    assert answers[0].problem is not None
    assert answers[1].ended is not None
    assert answers[2].problem is None
    assert deal.engine.state.shard.peak(deal.node, Window(deal.start, deal.start + MINUTES)) == Capacity(
        SLICES, SLICES * 2048, SLICES * 10
    )
    deal.check()
