"""Automatic replacement: what a contract that failed does not deliver is bought again from the live book, in the
command that ends it.

The buy is an order of the buyer's like any other, journaled just before the end, and so it is audited and replayed like
any other. Source: the design's market rules, "Delivery and billing".
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, select

from billing.terms import gross_with_vat
from common.ids import derived_id
from common.minutes import MICROS_PER_MINUTE
from market.desired_state import spec_of
from market.engine.batch_run import BatchRun
from market.engine.commands import GuestTemplate, PlaceBid
from market.engine.ended import Replacement, Undelivered
from market.engine.facts import PartyFacts, gather
from market.tables import orders

NOTHING_FITS = "nothing_fits"
"""Why nothing was bought, where the book took the order and had nothing for it."""

_BID = select(orders).where(orders.c.id == bindparam("id"))
_WHOLLY = "ioc_remainder"


def replace(connection: Connection, run: BatchRun, failed: Undelivered) -> Replacement | None:
    """Buy the rest of the window, if the contract's bid asked for that; None where it did not, or nothing is left.

    The order enters the run's books, and is journaled.
    """
    bought = connection.execute(_BID, {"id": failed.row["bid_order_id"]}).mappings().one()
    start = max(run.at_micros // MICROS_PER_MINUTE + 1, failed.cut.minute)
    if not bought["replace_on_failure"] or start >= failed.row["end_minute"]:
        return None
    wish = _wish(bought, failed, start, run.at_micros)
    facts = gather(connection, run.shard, [wish], [])
    party = facts.parties[wish.participant]
    replaced_micros = _replaced_micros(wish, failed)
    price = _highest_price(wish, failed, replaced_micros, party, facts.instruments[wish.instrument].tick_micros)
    wish = dataclasses.replace(wish, price_micros=price)
    dearer = max(0, _cost(wish, price, party) - replaced_micros)
    more = failed.cut.escrow_micros + min(dearer, failed.bond_micros)
    facts.parties[wish.participant] = dataclasses.replace(party, available_micros=party.available_micros + more)
    run.facts = facts
    answer = run.answer(wish)
    if answer.problem is not None:
        return Replacement(not_replaced=answer.problem.code)
    assert answer.order is not None
    if answer.order["state"] != "filled":
        reason = answer.order["reason"]
        return Replacement(not_replaced=NOTHING_FITS if reason == _WHOLLY else reason)
    made = run.effects.contracts[-1].billed
    return Replacement(made.contract_id, extra_micros=max(0, made.escrow_micros - replaced_micros))


def _wish(bought: Mapping[Any, Any], failed: Undelivered, start: int, at_micros: int) -> PlaceBid:
    """One guest of the same size and content for all that is left, of anybody but who has failed; its price is to be
    found."""
    row = failed.row
    guest = spec_of(row)
    return PlaceBid(
        order=derived_id("ord", at_micros // 1000, "replaces", row["id"]),
        participant=row["buyer_id"],
        client_order_id=None,
        instrument=row["instrument"],
        price_micros=row["price_micros"],
        time_in_force="ioc",
        guests=1,
        slices_per_guest=row["slices"],
        duration_minutes=row["end_minute"] - start,
        start_from=start,
        start_by=start,
        template=GuestTemplate(guest.name, guest.image, guest.ssh_keys, guest.user_data, guest.filesystem, row["kind"]),
        self_trade_prevention=bought["self_trade_prevention"],
        nodes=tuple(bought["nodes"]),
        avoid_providers=tuple(sorted({*bought["avoid_providers"], *failed.failed_providers})),
        min_reliability_ppm=bought["min_reliability_ppm"],
        replace_on_failure=True,
        replaces=row["id"],
    )


def _replaced_micros(wish: PlaceBid, failed: Undelivered) -> int:
    """What the same minutes cost in the failed contract."""
    billable = failed.cut.row
    slice_minutes = wish.slices_per_guest * wish.duration_minutes
    return gross_with_vat(billable.price_micros, slice_minutes, billable.buyer_vat_ppm)


def _highest_price(wish: PlaceBid, failed: Undelivered, replaced_micros: int, party: PartyFacts, tick: int) -> int:
    """What refund and bond cover, in whole ticks, but no more than the cheapest ask, or the failed contract's own price
    where that is higher."""
    prices = range(1, max(failed.cheapest_micros or 0, wish.price_micros) + 1)
    budget = replaced_micros + failed.bond_micros
    covered = max(1, bisect_right(prices, budget, key=lambda price: _cost(wish, price, party)))
    return covered - covered % tick or covered


def _cost(wish: PlaceBid, price_micros: int, party: PartyFacts) -> int:
    slice_minutes = wish.slices_per_guest * wish.duration_minutes
    return gross_with_vat(price_micros, slice_minutes, party.tax.buyer_vat_ppm)
