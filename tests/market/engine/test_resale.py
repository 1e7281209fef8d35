"""The rest of a contract is sold on: who may, what the first guest, the money and the bond do then, and every end."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from common import codec
from common.wire import Allocation
from market.contracts.watch_delivery import fail_late
from market.engine.commands import AmendOrder, Expire
from market.tables import orders
from runtime import outbox
from tests.market.engine.resold import CASH, MINUTES, PRICE, SLICES, Resold
from tests.market.factories import World, code, order

GROSS = PRICE * SLICES


@pytest.fixture
def deal(world: World) -> Resold:
    return Resold(world)


def with_vat(micros: int) -> int:
    return micros + micros * 19 // 100


def told(deal: Resold, name: str) -> Allocation:
    """What the agent was told last of the contract."""
    with deal.world.begin() as connection:
        sent = [codec.decode(Allocation, bytes(each.payload)) for each in outbox.unpublished(connection, 100)]
    return max((each for each in sent if each.contract == name), key=lambda each: each.revision)


def open_offers(deal: Resold) -> list[tuple[str, str | None]]:
    with deal.world.begin() as connection:
        query = select(orders.c.state, orders.c.reason).where(orders.c.backing_contract_id.is_not(None))
        return [(row.state, row.reason) for row in connection.execute(query.order_by(orders.c.sequence))]


def test_the_contract_is_split_in_time_and_paid_along_the_chain(deal: Resold) -> None:
    first, second, _ = deal.traders
    deal.tell(deal.first, "ready")
    deal.pass_minutes(11)
    part = deal.resell(deal.first, second, price=200)
    split = 10 + 1
    assert (part["start_minute"], part["end_minute"]) == (deal.start + split, deal.end)
    assert (part["buyer_id"], part["provider_id"], part["node_id"]) == (second, first, deal.node)
    whole = deal.row(deal.first)
    assert (whole["state"], whole["resold_to"], part["resold_from"]) == ("resold", part["id"], deal.first)
    assert (told(deal, deal.first).end, told(deal, deal.first).want) == (deal.start + split, "run")
    assert deal.balances(first)["bond"] == 0, "the first bond secures the delivery"
    deal.check()
    deal.pass_minutes(deal.end - deal.world.minute)
    assert deal.seconds(part["id"]) == list(range(split, MINUTES))
    assert deal.seconds(deal.first) == list(range(MINUTES))
    deal.close()
    assert {row["state"] for row in deal.rows()} == {"completed"}
    resold = 200 * SLICES * (MINUTES - split)
    assert deal.balances(second)["cash"] == CASH - with_vat(resold)
    assert deal.balances(first)["cash"] == CASH - with_vat(GROSS * MINUTES)
    earned = {owner: deal.balances(owner)["earned"] for owner in (deal.provider, first)}
    assert earned == {owner: with_vat(gross - gross * 50_000 // 1_000_000) for owner, gross in (
        (deal.provider, GROSS * MINUTES), (first, resold))}  # fmt: skip


def test_what_may_not_be_sold_is_refused(deal: Resold) -> None:
    world, (first, second, _) = deal.world, deal.traders
    process = deal.engine.process
    assert code(process([deal.offer(second, deal.first)])) == "not_found"
    assert code(process([deal.offer(first, "con_none")])) == "not_found"
    assert code(process([deal.offer(first, deal.first, price=0)])) == "price_out_of_bounds"
    offer = order(process([deal.offer(first, deal.first)]))
    assert (offer["node_id"], offer["reserved_micros"], offer["slices"]) == (None, 0, SLICES)
    assert code(process([deal.offer(first, deal.first)])) == "already_exists"
    assert code(process([AmendOrder(offer["id"], first, 1, slices=1)])) == "invalid_field"
    assert order(process([AmendOrder(offer["id"], first, 1, price_micros=250)]))["price_micros"] == 250
    order(process([world.cancel(offer["id"], first)]))
    consumer = world.participant(CASH)
    bought = deal.resell(deal.first, consumer)
    assert code(process([deal.offer(consumer, bought["id"])])) == "not_a_provider"
    assert code(process([deal.offer(first, deal.first)])) == "state_forbids"
    assert deal.finish(deal.first, "release", first).problem is not None
    deal.check()


def test_an_offer_expires_with_the_rest(deal: Resold) -> None:
    order(deal.engine.process([deal.offer(deal.traders[0], deal.first, price=900)]))
    deal.pass_minutes(MINUTES)
    deal.engine.process([Expire()])
    assert open_offers(deal) == [("expired", "window_passed")]
    deal.check()


@pytest.mark.parametrize("ending", ["release", "reclaim", "fail", "bust"])
@pytest.mark.parametrize("in_chain", [False, True])
def test_a_contract_that_ends_withdraws_its_offer(deal: Resold, ending: str, in_chain: bool) -> None:
    held = deal.resell(deal.first, deal.traders[1])["id"] if in_chain else deal.first
    holder = deal.row(held)["buyer_id"]
    order(deal.engine.process([deal.offer(holder, held, price=900)]))
    if ending == "fail":
        deal.tell(held, "failed")
    party = {"release": holder, "reclaim": deal.provider}.get(ending)
    assert deal.finish(deal.first if ending == "reclaim" else held, ending, party).problem is None
    assert open_offers(deal)[-1] == ("canceled", "contract_over")
    deal.check()


def test_a_guest_that_failed_is_not_sold_though_its_offer_still_stands(deal: Resold) -> None:
    """The engine hears of the failure only when it sells."""
    first, second, _ = deal.traders
    order(deal.engine.process([deal.offer(first, deal.first)]))
    deal.tell(deal.first, "ready")
    deal.pass_minutes(5)
    deal.tell(deal.first, "failed")
    assert order(deal.engine.process([deal.bid(second, 20)]))["state"] == "new"
    assert open_offers(deal) == [("canceled", "contract_over")]
    assert code(deal.engine.process([deal.offer(first, deal.first)])) == "state_forbids"
    deal.check()


def test_a_failure_ends_the_chain_and_the_bond_pays_the_last_holder(deal: Resold) -> None:
    world, (_, second, third) = deal.world, deal.traders
    deal.tell(deal.first, "ready")
    deal.pass_minutes(5)
    part = deal.resell(deal.first, second, price=140)
    last = deal.resell(part["id"], third, price=100, ahead=3)
    deal.tell(last["id"], "ready")
    deal.pass_minutes(10)
    other = world.provider()
    order(deal.engine.process([world.ask(other, world.node(other), price_micros=160)]))
    deal.tell(last["id"], "failed")
    assert {row["state"] for row in deal.rows()} == {"failed"}
    deal.check()
    assert deal.finish(part["id"], "fail").problem is None
    left = deal.end - world.minute
    bond = GROSS * left * 200_000 // 1_000_000
    paid = (160 - PRICE) * SLICES * left
    used = 100 * SLICES * len(deal.seconds(last["id"]))
    assert deal.balances(third)["cash"] == CASH - with_vat(used) + paid
    assert deal.balances("market")["reserve"] == bond - paid, "no low price within the chain takes more of the bond"
    assert deal.finish(last["id"], "fail").problem is not None
    deal.close()


def test_a_release_gives_the_rest_back_to_its_seller_with_a_guest_made_anew(deal: Resold) -> None:
    _, second, third = deal.traders
    deal.tell(deal.first, "ready")
    deal.pass_minutes(5)
    part = deal.resell(deal.first, second)
    deal.tell(part["id"], "ready")
    deal.pass_minutes(10)
    answer = deal.finish(part["id"], "release", second)
    assert answer.ended is not None
    assert answer.ended["fee_micros"] > 0
    whole, back = deal.row(deal.first), answer.ended["minute"]
    assert (whole["state"], whole["resold_to"], whole["resumed_minute"]) == ("scheduled", None, back)
    assert (told(deal, deal.first).start, told(deal, deal.first).end) == (back, deal.end)
    deal.check()
    deal.pass_minutes(3)
    deal.tell(deal.first, "ready")
    assert deal.seconds(deal.first) == list(range(deal.world.minute - deal.start))
    again = deal.resell(deal.first, third)
    assert again["resold_from"] == deal.first
    deal.pass_minutes(4)
    deal.close()


def test_a_guest_made_anew_has_a_deadline_too(deal: Resold) -> None:
    _, second, _ = deal.traders
    deal.tell(deal.first, "ready")
    deal.pass_minutes(5)
    part = deal.resell(deal.first, second)
    deal.pass_minutes(5)
    deal.finish(part["id"], "release", second)
    deal.pass_minutes(4)
    with deal.world.begin() as connection:
        assert fail_late(connection, deal.node, deal.world.minute, deal.world.real.micros) == []
        late = deal.row(deal.first)["resumed_minute"] + 10
        assert fail_late(connection, deal.node, late, deal.world.real.micros) == [deal.first]


def test_what_was_sold_ahead_and_is_released_leaves_the_first_guest_as_it_is(deal: Resold) -> None:
    _, second, _ = deal.traders
    deal.tell(deal.first, "ready")
    part = deal.resell(deal.first, second, ahead=20)
    assert (told(deal, deal.first).end, told(deal, deal.first).want) == (deal.start + 19, "run")
    assert deal.finish(part["id"], "release", second).problem is None
    whole = deal.row(deal.first)
    assert (whole["state"], whole["ended_minute"], whole["resumed_minute"]) == ("running", None, None)
    assert told(deal, deal.first).end == deal.end
    deal.pass_minutes(30)
    assert deal.seconds(deal.first)[-1] == 28
    deal.close()


def test_a_failure_before_the_second_guest_starts_ends_both(deal: Resold) -> None:
    deal.tell(deal.first, "ready")
    deal.pass_minutes(3)
    deal.resell(deal.first, deal.traders[1], ahead=20)
    deal.pass_minutes(2)
    deal.tell(deal.first, "failed")
    assert deal.finish(deal.first, "fail").problem is None
    assert {row["state"] for row in deal.rows()} == {"failed"}
    deal.close()


def test_the_provider_reclaims_the_chain_and_its_fee_is_the_holders(deal: Resold) -> None:
    first, second, third = deal.traders
    deal.tell(deal.first, "ready")
    deal.pass_minutes(5)
    part = deal.resell(deal.first, second)
    deal.resell(part["id"], third, ahead=30)
    problem = deal.finish(part["id"], "reclaim", first).problem
    assert problem is not None
    assert problem.code == "not_reclaimable"
    before = {owner: deal.balances(owner)["cash"] for owner in deal.traders}
    answer = deal.finish(deal.first, "reclaim", deal.provider)
    assert answer.ended is not None
    minute = answer.ended["minute"]
    assert minute == deal.world.minute + 3
    assert answer.ended["compensation_micros"] == GROSS * (deal.end - minute) * 100_000 // 1_000_000
    assert deal.balances(first)["cash"] > before[first], "its escrow"
    assert {row["state"] for row in deal.rows()} == {"reclaimed"}
    deal.check()
    deal.close()


def test_a_bust_takes_back_what_is_behind_it_and_gives_the_rest_to_the_seller(deal: Resold) -> None:
    _, second, third = deal.traders
    deal.tell(deal.first, "ready")
    deal.pass_minutes(5)
    part = deal.resell(deal.first, second)
    last = deal.resell(part["id"], third, ahead=5)
    deal.pass_minutes(10)
    assert deal.finish(part["id"], "bust").problem is None
    assert [deal.row(name)["state"] for name in (part["id"], last["id"])] == ["busted", "busted"]
    assert deal.balances(second)["cash"] == deal.balances(third)["cash"] == CASH
    assert deal.row(deal.first)["state"] == "scheduled"
    deal.check()
    deal.pass_minutes(5)
    deal.close()
