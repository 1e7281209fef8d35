"""Automatic replacement: what a failed contract does not deliver is bought again, in the command that ends it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from billing import ledger
from market.tables import instrument
from tests.market.engine.deal import GROSS, MINUTES, SLICES, Deal, with_vat
from tests.market.factories import CODE, World, order

DELIVERED = 10
LEFT = MINUTES - DELIVERED - 1
"""Minutes that can be replaced: the one in which the guest failed is running."""
BOND = GROSS * (MINUTES - DELIVERED) * 200_000 // 1_000_000


def failed(world: World, **bid: Any) -> Deal:
    """A guest that has failed after ten minutes, whose bid asked for a replacement."""
    deal = Deal(world, replace_on_failure=True, **bid)
    deal.tell("ready")
    deal.deliver(DELIVERED)
    deal.tell("failed")
    return deal


def offer(deal: Deal, price_micros: int, **fields: Any) -> str:
    """Another provider's ask; the provider."""
    other = deal.world.provider()
    node = deal.world.node(other)
    order(deal.engine.process([deal.world.ask(other, node, price_micros=price_micros, **fields)]))
    return other


def wealth(world: World, *parties: str) -> int:
    with world.begin() as connection:
        return sum(sum(ledger.balances(connection, party).values()) for party in parties)


def test_the_rest_of_a_failed_contract_is_bought_again_and_the_bond_pays_what_it_costs_more(world: World) -> None:
    deal = failed(world)
    other = offer(deal, 170)
    before = world.cash(deal.buyer).available_micros
    [answer] = deal.end("fail")
    old, new = deal.rows
    assert (new["replaces"], old["replaced_by"], old["not_replaced"]) == (old["id"], new["id"], None)
    assert (new["provider_id"], new["state"], new["slices"], new["price_micros"]) == (other, "scheduled", SLICES, 170)
    assert (new["start_minute"], new["end_minute"]) == (world.minute + 1, old["end_minute"])
    assert new["guest"] == old["guest"]
    assert answer.ended is not None
    extra = with_vat(170 * SLICES * LEFT) - with_vat(GROSS * LEFT)
    assert answer.ended["compensation_micros"] == extra
    with world.begin() as connection:
        assert ledger.balances(connection, "market")["reserve"] == BOND - extra
    refund = with_vat(GROSS * MINUTES) - with_vat(GROSS * DELIVERED)
    assert world.cash(deal.buyer).available_micros == before + refund - with_vat(GROSS * LEFT)
    placed = world.order_row(new["bid_order_id"])
    assert (placed["replaces"], placed["replace_on_failure"], placed["state"]) == (old["id"], True, "filled")
    assert deal.told().contract == new["id"]
    deal.check()


def test_a_replacement_is_replaced_too_and_by_none_of_those_that_failed(world: World) -> None:
    deal = failed(world)
    others = [offer(deal, 140), offer(deal, 140)]
    order(deal.engine.process([world.ask(deal.provider, world.node(deal.provider), price_micros=130)]))
    deal.end("fail")
    new = deal.rows[1]
    assert new["provider_id"] == others[0]
    deal.fail_next(new)
    assert [row["provider_id"] for row in deal.rows] == [deal.provider, *others]
    assert world.order_row(deal.rows[2]["bid_order_id"])["avoid_providers"] == sorted([deal.provider, others[0]])
    deal.check()


@pytest.mark.parametrize(
    ("price", "offered", "why"),
    [
        (None, {}, "nothing_fits"),
        (170, {"slices": SLICES - 1}, "nothing_fits"),
        (170, {"available_until": -1}, "nothing_fits"),
        (170, {"min_minutes": LEFT + 1}, "nothing_fits"),
    ],
)
def test_where_nothing_fits_the_buyer_has_its_refund_and_the_contract_says_why(
    world: World, price: int | None, offered: dict[str, int], why: str
) -> None:
    deal = failed(world)
    if "available_until" in offered:
        offered = {"available_until": deal.start + MINUTES - 1}
    if price is not None:
        offer(deal, price, **offered)
    [answer] = deal.end("fail")
    assert answer.ended is not None
    assert answer.ended["compensation_micros"] == (0 if price is None else 20 * SLICES * (MINUTES - DELIVERED))
    [row] = deal.rows
    assert (row["not_replaced"], row["replaced_by"]) == (why, None)
    deal.close()


def test_nothing_dearer_is_bought_than_refund_and_bond_cover_or_than_the_cheapest_ask(world: World) -> None:
    deal = failed(world)
    offer(deal, 181)  # its bond is a fifth of 150: with VAT, it covers less than 30 of 150 more
    deal.end("fail")
    assert deal.row["not_replaced"] == "nothing_fits"
    placed = world.orders_of(deal.buyer)[-1]
    assert with_vat(placed["price_micros"] * SLICES * LEFT) <= with_vat(GROSS * LEFT) + BOND
    assert with_vat((placed["price_micros"] + 1) * SLICES * LEFT) > with_vat(GROSS * LEFT) + BOND
    deal.check()


def test_a_cheap_ask_that_does_not_fit_caps_the_price(world: World) -> None:
    deal = failed(world)
    offer(deal, 160, slices=1)
    offer(deal, 161)
    deal.end("fail")
    assert deal.row["not_replaced"] == "nothing_fits"
    assert world.orders_of(deal.buyer)[-1]["price_micros"] == 160
    deal.check()


def test_a_buyer_without_other_cash_is_replaced(world: World) -> None:
    deal = failed(world, cash_micros=with_vat(200 * SLICES * MINUTES))
    offer(deal, 170)
    later = world.minute + 1000
    rest = {"price_micros": 200, "duration_minutes": MINUTES, "start_from": later}
    order(deal.engine.process([world.bid(deal.buyer, **rest)]))
    assert world.cash(deal.buyer).available_micros == 0
    deal.end("fail")
    assert len(deal.rows) == 2
    refund = with_vat(GROSS * MINUTES) - with_vat(GROSS * DELIVERED)
    assert world.cash(deal.buyer).available_micros == refund - with_vat(GROSS * LEFT)
    deal.check()


def test_who_asks_for_nothing_gets_the_present_rule(world: World) -> None:
    deal = Deal(world)
    deal.tell("failed")
    offer(deal, 160)
    deal.end("fail")
    [row] = deal.rows
    assert (row["replaced_by"], row["not_replaced"]) == (None, None)
    deal.check()


def test_the_book_that_takes_no_order_is_a_reason_too(world: World) -> None:
    deal = failed(world)
    offer(deal, 170)
    with world.begin() as connection:
        connection.execute(update(instrument).where(instrument.c.code == CODE).values(mode="halted"))
    deal.end("fail")
    assert deal.row["not_replaced"] == "instrument_halted"
    with world.begin() as connection:
        connection.execute(update(instrument).where(instrument.c.code == CODE).values(mode="open", min_minutes=5))
    deal.check()


def test_what_is_left_is_too_short_to_be_bought(world: World) -> None:
    deal = failed(world)
    offer(deal, 170)
    with world.begin() as connection:
        connection.execute(update(instrument).where(instrument.c.code == CODE).values(min_minutes=LEFT + 1))
    deal.end("fail")
    assert deal.row["not_replaced"] == "window_too_short"
    deal.check()


@pytest.mark.parametrize("price", [90, 150, 170, 179, 200])
@pytest.mark.parametrize("with_buyer", [False, True])
def test_a_provider_that_lets_its_guest_fail_and_sells_the_replacement_itself_gains_nothing(
    world: World, price: int, with_buyer: bool
) -> None:
    """Against having delivered to the end; or, where the buyer is an account of its own too, against doing nothing."""
    ways = []
    for fails in (False, True):
        deal = Deal(world, replace_on_failure=True)
        alter_ego = offer(deal, price)
        group = [deal.provider, alter_ego, *([deal.buyer] if with_buyer else [])]
        before = wealth(world, *group)
        deal.tell("ready")
        deal.deliver(DELIVERED)
        if fails:
            deal.tell("failed")
            deal.end("fail")
        deal.run_out(deal.rows[-1])
        ways.append(wealth(world, *group) - before)
        left = [row["id"] for row in world.orders_of(alter_ego) if row["state"] in ("new", "partially_filled")]
        deal.engine.process([world.cancel(name, alter_ego) for name in left])
    delivered, failing = ways
    assert failing <= (0 if with_buyer else delivered)
    deal.check()
