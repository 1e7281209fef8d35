"""The trading floor: everything that the cast does with orders and contracts, over HTTP, and told in a sentence each.

A call that fails while an engine changes is made again with the same `client_order_id`, as every client should: the
market answers with the order that it has, or enters it now, but never twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from common.errors import Unavailable
from common.minutes import minute_text
from nestex.demo.cast import STD
from nestex.demo.scene import Buyer, Seller, SellersNode, next_minute

Tell = Callable[[str], None]
Json = dict[str, Any]

_OFFER_MINUTES = 600
_TRIES = 40
_PAUSE_SECONDS = 0.25


@dataclass(slots=True)
class Floor:
    """`placed` counts the orders, `asked_again` the calls without an answer; `pause` lets the supervisor work."""

    tell: Tell
    pause: Callable[[float], None]
    placed: int = 0
    asked_again: int = 0

    def offer(self, seller: Seller, node: SellersNode, instrument: str, slices: int, price: str) -> Json:
        """An ask for the whole night."""
        body = {
            "side": "ask",
            "instrument": instrument,
            "price": price,
            "node": node.id,
            "slices": slices,
            "available_until": minute_text(next_minute(seller.client) + _OFFER_MINUTES),
            "client_order_id": f"{node.cast.name}-{instrument.split('.')[1]}-{price}",
        }
        order = self._place(seller, body)
        self.tell(f"{seller.cast.name} offers {slices} slices of {node.cast.name}, {instrument}, at {price} an hour")
        return order

    def resell(self, seller: Seller, node: SellersNode, cost: str, **wishes: Any) -> None:
        """Let a node sell by itself what is free of it; `cost` is that of its reservation, an hour."""
        body = {"instruments": [STD], "cost_per_hour": cost, "ahead_minutes": _OFFER_MINUTES} | wishes
        self._insist(lambda: seller.client.put(f"/v1/nodes/{node.id}/reseller", body))
        self.tell(
            f"{seller.cast.name} lets {node.cast.name} sell by itself what is idle of it: the VM costs {cost} an hour,"
            " used or not"
        )

    def end_reselling(self, seller: Seller, node: SellersNode) -> None:
        """Switch it off, and tell what came of it."""
        result = self._insist(lambda: seller.client.delete(f"/v1/nodes/{node.id}/reseller"))["result"]
        self.tell(
            f"{seller.cast.name} ends that: in {result['minutes']} minutes {node.cast.name} sold {result['contracts']}"
            f" contracts, and earned {result['earned']} of the {result['cost']} that it cost"
        )

    def resale(self, buyer: Buyer, contract: Json, price: str, iban: str) -> Json:
        """The buyer of a contract turns into a provider, with one form, and offers the rest of the contract."""
        form = buyer.cast.identity | {"iban": iban}
        self._insist(lambda: buyer.client.post("/v1/providers", form))
        body = {
            "side": "ask",
            "instrument": contract["instrument"],
            "price": price,
            "contract": contract["id"],
            "client_order_id": f"rest-of-{contract['guest_name']}",
        }
        order = self._place(buyer, body)
        self.tell(
            f"{buyer.cast.name} needs {contract['guest_name']} no longer, fills in the provider's form, and offers the"
            f" rest of it at {price} an hour"
        )
        return order

    def bid(self, buyer: Buyer, what: str, name: str, minutes: int, **fields: Any) -> Json:
        """One bid; `fields` are those of `bid_body` or of the order."""
        order = self._place(buyer, bid_body(next_minute(buyer.client), name, minutes, **fields))
        self.tell(f"{buyer.cast.name} bids for {what}: {order['state']}, {_filled(order)}")
        return order

    def batch(self, buyer: Buyer, what: str, bodies: list[Json]) -> list[Json]:
        """Many bids in one request, each answered on its own."""
        results = self._insist(lambda: buyer.client.post("/v1/orders/batch", {"orders": bodies}))["results"]
        orders: list[Json] = [result["order"] for result in results]
        self.placed += len(orders)
        filled = sum(order["state"] == "filled" for order in orders)
        self.tell(f"{buyer.cast.name} sends {len(bodies)} bids in one request, {what}: {filled} filled at once")
        return orders

    def amend(self, who: Buyer | Seller, order: Json, what: str, **change: Any) -> Json:
        """Change an open order."""
        body = {"revision": order["revision"]} | change
        amended: Json = self._insist(lambda: who.client.patch(f"/v1/orders/{order['id']}", body))
        self.tell(f"{who.cast.name} {what}: {amended['state']}, {_filled(amended)}")
        return amended

    def cancel(self, who: Buyer | Seller, order: Json) -> Json:
        """Take an open order off the book."""
        canceled: Json = self._insist(lambda: who.client.delete(f"/v1/orders/{order['id']}"))
        self.tell(f"{who.cast.name} cancels {order['client_order_id']}: {canceled['state']}")
        return canceled

    def release(self, buyer: Buyer, contract: Json) -> Json:
        """End a contract early."""
        ended: Json = self._insist(lambda: buyer.client.post(f"/v1/contracts/{contract['id']}/release"))
        self.tell(f"{buyer.cast.name} releases {contract['guest_name']}: fee {ended['fee']}, refund {ended['refund']}")
        return ended

    def reclaim(self, seller: Seller, contract: Json) -> Json:
        """Take the slices of a spot contract back."""
        ended: Json = self._insist(lambda: seller.client.post(f"/v1/contracts/{contract['id']}/reclaim"))
        self.tell(
            f"{seller.cast.name} needs the slices of {contract['guest_name']} itself and takes them back:"
            f" {contract['guest_name']} may stay until {ended['contract']['ended'][11:16]}, and its buyer gets"
            f" {ended['compensation']} for it"
        )
        return ended

    def _place(self, who: Buyer | Seller, body: Json) -> Json:
        order: Json = self._insist(lambda: who.client.post("/v1/orders", body))
        self.placed += 1
        return order

    def _insist(self, call: Callable[[], Json]) -> Json:
        for _ in range(_TRIES):
            try:
                return call()
            except Unavailable as error:
                self.asked_again += 1
                self.tell(f"no answer ({error.code}); asked again")
                self.pause(_PAUSE_SECONDS)
        return call()


def bid_body(
    start: int,
    name: str,
    minutes: int,
    *,
    instrument: str = STD,
    price: str = "0.4800",
    guests: int = 1,
    slices: int = 1,
    ahead: int | None = None,
    patience: int = 3,
    **fields: Any,
) -> Json:
    """The bid of a guest called `name` for `minutes` that starts within `patience` minutes of the minute `start`, or
    just `ahead` minutes after it."""
    body = {
        "side": "bid",
        "instrument": instrument,
        "price": price,
        "guests": guests,
        "slices_per_guest": slices,
        "duration_minutes": minutes,
        "start_by": minute_text(start + patience),
        "client_order_id": f"{name}-order",
        "guest": {"name": name},
    }
    if ahead is not None:
        body |= {"start_from": minute_text(start + ahead), "start_by": minute_text(start + ahead)}
    return body | fields


def _filled(order: Json) -> str:
    return f"{order['guests_filled']} of {order['guests']}" if order["side"] == "bid" else f"{order['price']} an hour"
