"""A client of the stream with a real WebSocket."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from tests.market.http.conftest import Http

_WAIT_SECONDS = 30.0
_MOST_BEATS = 3


@dataclass
class Stream:
    """What is said on one connection, in order."""

    connection: Connection
    heard: list[dict[str, Any]] = field(default_factory=list)

    def say(self, **message: Any) -> None:
        self.connection.send(json.dumps(message))

    def next(self) -> dict[str, Any]:
        """The next message; fails the test when none comes."""
        message: dict[str, Any] = json.loads(self.connection.recv(_WAIT_SECONDS))
        self.heard.append(message)
        return message

    def until(self, type_: str) -> dict[str, Any]:
        """The next message of this type; those before it are only heard. Heartbeats go on for ever, so that a few of
        them without it fail the test."""
        beats = 0
        while beats < _MOST_BEATS:
            message = self.next()
            if message["type"] == type_:
                return message
            beats += message["type"] == "heartbeat"
        raise AssertionError(f"no {type_} comes: {self.heard}")

    def subscribe(self, channel: str, **after: int) -> dict[str, Any]:
        """The answer to a subscription; `engine_fra1` stands for engine.fra1."""
        places = {name.replace("engine_", "engine."): sequence for name, sequence in after.items()}
        self.say(op="subscribe", channel=channel, after=places)
        return self.next()


@contextmanager
def stream_of(who: Http) -> Iterator[Stream]:
    """An open stream, authenticated by the header."""
    headers = {"Authorization": f"Bearer {who.key}"}
    with connect(address(who), additional_headers=headers, proxy=None) as connection:
        stream = Stream(connection)
        assert stream.next() == {"type": "authenticated", "participant": who.participant}
        yield stream


def closed(connection: Connection) -> tuple[int, str]:
    """How the market ended the connection."""
    with pytest.raises(ConnectionClosed) as caught:
        _listen(connection)
    ended = caught.value.rcvd
    assert ended is not None
    return ended.code, ended.reason


def _listen(connection: Connection) -> None:
    while True:
        connection.recv(_WAIT_SECONDS)


def address(who: Http) -> str:
    return who.url.replace("http://", "ws://") + "/v1/stream"


class BookCopy:
    """A book, kept by its snapshot and deltas alone."""

    def __init__(self) -> None:
        self.sequence = 0
        self.sides: dict[str, dict[str, int]] = {"bids": {}, "asks": {}}

    def take(self, message: dict[str, Any]) -> None:
        """Raises AssertionError for a gap, or for a book that is not the market's."""
        if message["type"] == "snapshot":
            self.sides = {"bids": {}, "asks": {}}
        else:
            assert message["previous_sequence"] == self.sequence
        self.sequence = message["sequence"]
        for side, levels in self.sides.items():
            known = levels | {level["price"]: level["slices"] for level in message[side]}
            self.sides[side] = {price: slices for price, slices in known.items() if slices}
        told = "|".join(
            f"{level['price']}:{level['slices']}" for side in ("bids", "asks") for level in self.levels(side)
        )
        assert zlib.crc32(told.encode()) == message["checksum"]

    def levels(self, side: str) -> list[dict[str, Any]]:
        """As `GET .../book` has them."""
        ordered = sorted(self.sides[side].items(), key=lambda level: float(level[0]), reverse=side == "bids")
        return [{"price": price, "slices": slices} for price, slices in ordered]
