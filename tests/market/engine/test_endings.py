"""Contracts that end early by way of the engine: money, the agent's orders, capacity, and what proves it all."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg.errors import DeadlockDetected
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from billing import completion, ledger
from common.minutes import Window
from common.wire import Capacity
from market.contracts.end_contract import failing_contracts
from market.engine import contract_acts
from market.engine.commands import EndContract
from market.engine.ended import Ended
from market.engine.endings import end_contract
from market.nodes.liveness import live_revisions
from market.tables import instrument
from tests.market.engine.deal import GRACE, GROSS, MINUTES, SLICES, Deal, with_vat
from tests.market.factories import CODE, World, code, order


@pytest.fixture
def deal(world: World) -> Deal:
    return Deal(world)


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


def test_a_preview_of_a_release_that_lost_every_race_for_a_lock_is_still_only_a_preview(
    deal: Deal, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = [OperationalError("", None, DeadlockDetected()) for _ in range(3)]

    def end(*arguments: Any, **named: Any) -> Ended:
        if lost:
            raise lost.pop()
        return end_contract(*arguments, **named)

    monkeypatch.setattr(contract_acts, "end_contract", end)
    [answer] = deal.engine.process([EndContract(deal.row["id"], "release", deal.buyer, preview=True)])
    assert answer.ended is not None
    assert deal.row["state"] == "scheduled"
    deal.check()


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
