"""Who holds the end of a chain of resales, and asked for it, is delivered by somebody else when the chain fails."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from market.tables import contract
from tests.market.engine.deal import with_vat
from tests.market.engine.resold import CASH, PRICE, SLICES, Resold
from tests.market.factories import World, order

USED = 15
"""Minutes that pass before the guest of the last contract fails."""
BOND_PPM = 200_000


@pytest.fixture
def deal(world: World) -> Resold:
    return Resold(world)


def resold(deal: Resold, price: int, **bid: Any) -> dict[str, Any]:
    """The second trader has bought the rest, at this price, and will be replaced."""
    deal.tell(deal.first, "ready")
    deal.pass_minutes(5)
    part = deal.resell(deal.first, deal.traders[1], price, replace_on_failure=True, **bid)
    deal.tell(part["id"], "ready")
    return part


def fail(deal: Resold, part: dict[str, Any], named: str) -> dict[str, Any]:
    """The chain fails later, and the engine hears of it by one of its contracts; the last one's row."""
    deal.pass_minutes(USED - 5)
    deal.tell(part["id"], "failed")
    assert deal.finish(named, "fail").problem is None
    return deal.row(part["id"])


def bought_for(deal: Resold, failed: dict[str, Any]) -> dict[str, Any]:
    with deal.world.begin() as connection:
        query = select(contract).where(contract.c.id == failed["replaced_by"])
        return dict(connection.execute(query).mappings().one())


@pytest.mark.parametrize("named", ["first", "last"])
def test_the_last_holder_is_bought_another_guest_and_the_first_bond_pays_what_it_costs_more(
    deal: Resold, named: str
) -> None:
    part = resold(deal, 160)
    other = deal.spare(170)
    failed = fail(deal, part, deal.first if named == "first" else part["id"])
    new = bought_for(deal, failed)
    assert (new["provider_id"], new["buyer_id"], new["replaces"]) == (other, deal.traders[1], part["id"])
    assert (new["start_minute"], new["end_minute"], new["slices"]) == (deal.world.minute + 1, deal.end, SLICES)
    left, lost = deal.end - new["start_minute"], deal.end - deal.world.minute
    extra = with_vat(170 * SLICES * left) - with_vat(160 * SLICES * left)
    used = len(deal.seconds(part["id"]))
    assert deal.balances(deal.traders[1])["cash"] == (
        CASH - with_vat(160 * SLICES * used) - with_vat(170 * SLICES * left) + extra
    )
    assert deal.balances("market")["reserve"] == PRICE * SLICES * lost * BOND_PPM // 1_000_000 - extra
    assert [row["replaced_by"] for row in deal.rows()] == [None, new["id"]]
    deal.check()
    deal.close()


def test_no_slice_of_who_failed_is_bought_by_whichever_way(deal: Resold) -> None:
    """Not of the node's provider, on another node or out of the hands of who has bought there, nor of the seller."""
    part = resold(deal, 160)
    first, _, third = deal.traders
    deal.spare(120, deal.provider)
    order(deal.engine.process([deal.bid(third, deal.end - deal.world.minute - 1)]))
    with deal.world.begin() as connection:
        held = connection.execute(select(contract.c.id).where(contract.c.buyer_id == third)).scalar_one()
    order(deal.engine.process([deal.offer(third, held, price=100)]))
    deal.spare(130, deal.provider)
    deal.spare(130, first)
    other = deal.spare(155)
    new = bought_for(deal, fail(deal, part, part["id"]))
    assert new["provider_id"] == other
    placed = deal.world.order_row(new["bid_order_id"])
    assert placed["avoid_providers"] == sorted([deal.provider, first])
    deal.check()


def test_the_rest_of_another_chain_replaces_it_too(deal: Resold) -> None:
    part = resold(deal, 160)
    third = deal.traders[2]
    other = deal.spare(140)
    order(deal.engine.process([deal.bid(third, deal.end - deal.world.minute - 1)]))
    with deal.world.begin() as connection:
        held = connection.execute(select(contract.c.id).where(contract.c.buyer_id == third)).scalar_one()
    order(deal.engine.process([deal.offer(third, held, price=150)]))
    new = bought_for(deal, fail(deal, part, part["id"]))
    assert (new["provider_id"], new["resold_from"]) == (third, held)
    with deal.world.begin() as connection:
        sold = connection.execute(select(contract).where(contract.c.id == held)).mappings().one()
    assert (sold["state"], sold["resold_to"], sold["provider_id"]) == ("resold", new["id"], other)
    deal.check()


def test_who_bought_for_less_than_others_of_the_chain_is_replaced_for_no_more_than_it_paid(deal: Resold) -> None:
    """Or friends could sell to each other for nothing, and spend the provider's bond on what they buy instead."""
    part = resold(deal, 140)
    deal.spare(160)
    failed = fail(deal, part, part["id"])
    assert (failed["replaced_by"], failed["not_replaced"]) == (None, "nothing_fits")
    lost = deal.end - deal.world.minute
    used = len(deal.seconds(part["id"]))
    paid = (160 - PRICE) * SLICES * lost
    assert deal.balances(deal.traders[1])["cash"] == CASH - with_vat(140 * SLICES * used) + paid
    deal.check()
    deal.close()


def test_who_did_not_ask_for_it_is_compensated_only(deal: Resold) -> None:
    part = resold(deal, 160)
    deal.spare(170)
    last = deal.resell(part["id"], deal.traders[2], price=155, ahead=4)
    deal.tell(last["id"], "ready")
    failed = fail(deal, last, deal.first)
    assert [(row["replaced_by"], row["not_replaced"]) for row in deal.rows()] == [(None, None)] * 3
    assert failed["state"] == "failed"
    deal.close()
