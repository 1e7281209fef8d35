"""Channels of the stream: their names, and how what is committed becomes what is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from common.errors import InvalidInput
from common.price import Price
from market.feed.follow_book import BookDelta, BookView, Levels
from market.http.routes.market_data import Level
from market.http.stream.messages import BookChange, BookSnapshot

Kind = Literal["book", "trades", "orders", "contracts", "account"]
_OF_AN_INSTRUMENT = ("book", "trades")


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel by its name; `instrument` is empty for those that are about the caller."""

    name: str
    kind: Kind
    instrument: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands: see `market.http.stream.messages`."""

    channel: str
    stream: str
    sequence: int
    previous_sequence: int

    def named(self) -> dict[str, Any]:
        """The fields that every message of a change has."""
        return {name: getattr(self, name) for name in self.__slots__}


def channel_of(name: str) -> Channel:
    """Raises InvalidInput for a name that is no channel's."""
    kind, _, instrument = name.partition(":")
    for known in get_args(Kind):
        if kind == known and bool(instrument) == (known in _OF_AN_INSTRUMENT):
            return Channel(name, known, instrument)
    limit = "book:{instrument}, trades:{instrument}, orders, contracts, account"
    raise InvalidInput("invalid_field", "there is no such channel", field="channel", limit=limit)


def is_heard(channel: Channel, stream: str) -> bool:
    """Whether the channel tells of events of this stream of the feed."""
    if channel.kind == "trades":
        return stream == f"engine.{channel.instrument.partition('.')[0]}"
    if channel.kind == "orders":
        return stream.startswith("engine.")
    return channel.kind == "contracts" and (stream.startswith("engine.") or stream == "contracts")


def snapshot(channel: Channel, view: BookView) -> BookSnapshot:
    """The whole book."""
    return BookSnapshot(
        channel=channel.name,
        stream=channel.name,
        sequence=view.sequence,
        bids=_levels(view.bids),
        asks=_levels(view.asks),
        checksum=view.checksum,
    )


def delta(channel: Channel, change: BookDelta) -> BookChange:
    """What changed of the book."""
    place = Place(channel.name, channel.name, change.view.sequence, change.previous_sequence)
    return BookChange(
        **place.named(), bids=_levels(change.bids), asks=_levels(change.asks), checksum=change.view.checksum
    )


def _levels(levels: Levels) -> list[Level]:
    return [Level(price=Price(price).hourly(), slices=slices) for price, slices in levels.items()]
