"""The trading: two asks, and bids of several kinds that meet them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from common.minutes import minute_text
from nestex.demo.cast import INSTRUMENT
from nestex.demo.scene import Buyer, Scene, Seller, next_minute

Tell = Callable[[str], None]

_OFFER_MINUTES = 600


def trade(scene: Scene, tell: Tell) -> int:
    """Place all orders of the story; how many they were."""
    sellers, (blauwal, cedar, dune) = scene.sellers, scene.buyers
    for seller in sellers:
        _offer(seller, tell)
    _bid(blauwal, tell, "a guest for ten minutes, now", name="build", minutes=10, slices=2)
    _bid(cedar, tell, "two guests of one slice each", name="crawler", minutes=8, guests=2)
    start = next_minute(dune.client) + 6
    _bid(
        dune,
        tell,
        "a guest that starts in the future",
        name="nightly",
        minutes=7,
        start_from=minute_text(start),
        start_by=minute_text(start + 2),
    )
    _bid(dune, tell, "a large guest, more than the cheaper node has left", name="join", minutes=9, slices=4)
    _bid(cedar, tell, "a guest at once or not at all", name="burst", minutes=5, time_in_force="ioc")
    _bid(blauwal, tell, "another build", name="build-2", minutes=6)
    resting = _bid(blauwal, tell, "a bid below every ask", name="cheap", minutes=30, price="0.2400", patience=60)
    canceled = blauwal.client.delete(f"/v1/orders/{resting['id']}")
    tell(f"{blauwal.cast.name} cancels it: {canceled['state']}")
    _bid(
        dune,
        tell,
        "at once or not at all, below every ask",
        name="miser",
        minutes=5,
        price="0.2400",
        time_in_force="ioc",
    )
    return len(sellers) + 8


def _offer(seller: Seller, tell: Tell) -> None:
    until = next_minute(seller.client) + _OFFER_MINUTES
    body = {
        "side": "ask",
        "instrument": INSTRUMENT,
        "price": seller.cast.price,
        "node": seller.node,
        "slices": seller.cast.slices,
        "available_until": minute_text(until),
        "client_order_id": f"{seller.cast.node}-evening",
    }
    seller.client.post("/v1/orders", body)
    tell(f"{seller.cast.name} offers {seller.cast.slices} slices of {seller.cast.node} at {seller.cast.price} an hour")


def _bid(
    buyer: Buyer,
    tell: Tell,
    what: str,
    *,
    name: str,
    minutes: int,
    guests: int = 1,
    slices: int = 1,
    price: str = "0.4800",
    patience: int = 3,
    **fields: Any,
) -> dict[str, Any]:
    start = next_minute(buyer.client)
    body = {
        "side": "bid",
        "instrument": INSTRUMENT,
        "price": price,
        "guests": guests,
        "slices_per_guest": slices,
        "duration_minutes": minutes,
        "start_by": minute_text(start + patience),
        "client_order_id": f"{name}-order",
        "guest": {"name": name},
    } | fields
    order: dict[str, Any] = buyer.client.post("/v1/orders", body)
    tell(f"{buyer.cast.name} bids for {what}: {order['state']}, {order['guests_filled']} of {guests}")
    return order
