"""Events of the feed as the channels of the stream tell them. The rows beside them are asked for set by set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from common.minutes import minute_text
from common.price import Price
from market.contracts.read_contracts import contracts_of
from market.feed.follow_feed import Positioned
from market.http.order_answers import order_model
from market.http.routes.contracts import contract_model
from market.http.routes.market_data import TradeModel
from market.http.services import Services
from market.http.stream.channels import Channel, Place
from market.http.stream.messages import (
    ContractChange,
    ContractMessage,
    OrderChange,
    OrderMessage,
    Sequenced,
    TradeMessage,
)
from market.orders.read_orders import orders_of
from market.participants.keys import Caller
from runtime.feed import FeedEvent

_Made = tuple[int, Callable[[Place], Sequenced]]


def told(
    market: Services, who: Caller, channel: Channel, stream: str, events: Sequence[Positioned], previous: int
) -> list[Sequenced]:
    """What the channel says of these events, having said something of the stream's position `previous` last."""
    if channel.kind == "trades":
        made = _trades(channel, events)
    elif channel.kind == "orders":
        made = _orders(market, who, events)
    else:
        made = _contracts(market, who, events)
    said = []
    for position, message in made:
        said.append(message(Place(channel.name, stream, position, previous)))
        previous = position
    return said


def _trades(channel: Channel, events: Sequence[Positioned]) -> list[_Made]:
    def message(event: FeedEvent, place: Place) -> TradeMessage:
        return TradeMessage(**place.named(), trade=_trade(event))

    return [
        (position, partial(message, event))
        for position, event in events
        if event.kind == "trade" and event.payload["instrument"] == channel.instrument
    ]


def _orders(market: Services, who: Caller, events: Sequence[Positioned]) -> list[_Made]:
    own = [each for each in events if each[1].kind == "order" and each[1].payload["participant"] == who.participant]
    if not own:
        return []
    ids = list({event.subject for _, event in own})
    rows = market.read(lambda connection: orders_of(connection, who.participant, ids))

    def message(event: FeedEvent, place: Place) -> OrderMessage:
        change = OrderChange(**{name: event.payload[name] for name in OrderChange.model_fields})
        return OrderMessage(**place.named(), change=change, order=order_model(rows[event.subject]))

    return [(position, partial(message, event)) for position, event in own]


def _contracts(market: Services, who: Caller, events: Sequence[Positioned]) -> list[_Made]:
    concerned = [each for each in events if each[1].kind == "contract"]
    if not concerned:
        return []
    ids = list({event.subject for _, event in concerned})
    rows = market.read(lambda connection: contracts_of(connection, who.participant, ids))

    def message(event: FeedEvent, place: Place) -> ContractMessage:
        change = ContractChange(state=event.payload["state"], reason=event.payload.get("reason"))
        row = contract_model(rows[event.subject], who.participant)
        return ContractMessage(**place.named(), change=change, contract=row)

    return [(position, partial(message, event)) for position, event in concerned if event.subject in rows]


def _trade(event: FeedEvent) -> TradeModel:
    payload = event.payload
    return TradeModel(
        id=event.subject,
        price=Price(payload["price_micros"]).hourly(),
        start=minute_text(payload["start_minute"]),
        end=minute_text(payload["end_minute"]),
        guests=payload["guests"],
        slices_per_guest=payload["slices_per_guest"],
        taker_side=payload["taker_side"],
        at=minute_text(event.at_micros // 60_000_000),
    )
