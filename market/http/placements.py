"""From an order's request to the engine's command. What contradicts itself in the request is refused here."""

from __future__ import annotations

from typing import Any, TypedDict

from common.errors import InvalidInput
from common.ids import new_id
from common.minutes import parse_minute
from common.price import Price
from common.wire import Capacity
from market.engine.commands import NOTHING, AmendOrder, GuestTemplate, PlaceAsk, PlaceBid, Placement
from market.http.order_requests import AmendRequest, AskRequest, BidRequest, GuestRequest
from matching.commands import SelfTradePrevention, TimeInForce


class _Attributes(TypedDict):
    """What both commands have in common."""

    order: str
    participant: str
    client_order_id: str | None
    instrument: str
    price_micros: int
    time_in_force: TimeInForce
    expires_at: int | None
    post_only: bool
    self_trade_prevention: SelfTradePrevention


def placement_of(body: BidRequest | AskRequest, participant: str, at_ms: int) -> Placement:
    """The command that enters the order, under a fresh id.

    Raises InvalidInput where a price or an instant is off, or where attributes contradict each other.
    """
    attributes = _attributes(body, participant, at_ms)
    if isinstance(body, AskRequest):
        return _ask(body, attributes)
    return PlaceBid(
        **attributes,
        guests=body.guests,
        slices_per_guest=body.slices_per_guest,
        duration_minutes=body.duration_minutes,
        start_from=_minute(body.start_from, "start_from"),
        start_by=_minute(body.start_by, "start_by"),
        nodes=tuple(body.nodes),
        avoid_providers=tuple(body.avoid_providers),
        min_reliability_ppm=body.min_reliability_ppm,
        replace_on_failure=body.replace_on_failure,
        template=_template(body),
    )


def _ask(body: AskRequest, attributes: _Attributes) -> PlaceAsk:
    if body.contract is not None:
        for name in ("node", "slices", "available_from", "available_until"):
            if getattr(body, name) is not None:
                raise InvalidInput("invalid_field", f"{name} follows from the contract", field=name, limit="contract")
        if body.linked or body.keep is not None:
            message = "a contract shares nothing of a node: linked and keep are of a node's offers"
            raise InvalidInput("invalid_field", message, field="linked" if body.linked else "keep", limit="node")
        if body.min_minutes != 1:
            raise InvalidInput("invalid_field", "a contract is sold to its end", field="min_minutes", limit="contract")
        whole: dict[str, Any] = {"node": "", "slices": 0, "available_from": None, "available_until": 0}
        return PlaceAsk(**attributes, **whole, min_minutes=1, contract=body.contract)
    if body.node is None or body.slices is None or body.available_until is None:
        missing = next(name for name in ("node", "slices", "available_until") if getattr(body, name) is None)
        message = "an ask needs a node, slices and available_until, or else a contract"
        raise InvalidInput("missing_field", message, field=missing)
    return PlaceAsk(
        **attributes,
        node=body.node,
        slices=body.slices,
        available_from=_minute(body.available_from, "available_from"),
        available_until=parse_minute(body.available_until, field="available_until"),
        min_minutes=body.min_minutes,
        linked=body.linked,
        keep=_kept(body),
    )


def amendment_of(body: AmendRequest, order: str, participant: str) -> AmendOrder:
    """The command that amends the order. Raises InvalidInput unless it changes exactly one thing."""
    named = [name for name in ("guests", "slices", "price") if getattr(body, name) is not None]
    choice = "guests, slices or price"
    if not named:
        raise InvalidInput("missing_field", f"an amendment names one of {choice}", field="price", limit=choice)
    if len(named) > 1:
        message = f"an amendment names only one of {choice}"
        raise InvalidInput("invalid_field", message, field=named[1], limit=f"{named[0]} alone")
    price = None if body.price is None else Price.parse_hourly(body.price).micros
    return AmendOrder(order, participant, body.revision, body.guests, body.slices, price)


def time_in_force_of(body: BidRequest | AskRequest) -> TimeInForce:
    """The time in force that is asked for, or that follows from `expires_at`. Raises InvalidInput where the two
    contradict each other."""
    if body.expires_at is not None and body.time_in_force not in (None, "gtd"):
        message = f"expires_at goes with gtd, and not with {body.time_in_force}"
        raise InvalidInput("invalid_field", message, field="expires_at", limit="gtd")
    if body.time_in_force == "gtd" and body.expires_at is None:
        raise InvalidInput("missing_field", "a gtd order needs expires_at", field="expires_at")
    return body.time_in_force or ("gtc" if body.expires_at is None else "gtd")


def _attributes(body: BidRequest | AskRequest, participant: str, at_ms: int) -> _Attributes:
    time_in_force = time_in_force_of(body)
    if body.post_only and time_in_force in ("ioc", "fok"):
        message = f"post_only forbids what {time_in_force} asks for: to trade on entry"
        raise InvalidInput("invalid_field", message, field="post_only", limit="gtc or gtd")
    return {
        "order": new_id("ord", at_ms),
        "participant": participant,
        "client_order_id": body.client_order_id,
        "instrument": body.instrument,
        "price_micros": Price.parse_hourly(body.price).micros,
        "time_in_force": time_in_force,
        "expires_at": _minute(body.expires_at, "expires_at"),
        "post_only": body.post_only,
        "self_trade_prevention": body.self_trade_prevention,
    }


def _template(body: BidRequest) -> GuestTemplate:
    """Raises InvalidInput where the bid asks for guests and volumes at once."""
    if body.volume is not None:
        if body.guest is not None:
            message = "a bid asks for guests or for volumes, not for both"
            raise InvalidInput("invalid_field", message, field="guest", limit="volume alone")
        return GuestTemplate(body.volume.name, image="", filesystem=body.volume.filesystem, kind="volume")
    guest = body.guest or GuestRequest()
    return GuestTemplate(guest.name, guest.image, tuple(guest.ssh_keys), guest.user_data)


def _kept(body: AskRequest) -> Capacity:
    if body.keep is None:
        return NOTHING
    if not body.linked:
        message = "keep goes with linked: any other offer takes no more than its own slices"
        raise InvalidInput("invalid_field", message, field="keep", limit="linked")
    return Capacity(body.keep.vcpus, body.keep.memory_mib, body.keep.disk_gib)


def _minute(text: str | None, field: str) -> int | None:
    return None if text is None else parse_minute(text, field=field)
