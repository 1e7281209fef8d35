"""The client of the stream: one channel, taken up again where it was when the connection breaks."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from common.errors import Unavailable
from nestex.cli.client import address_and_key, problem_error

_ATTEMPTS = 10
_PAUSE_SECONDS = 1.0
_REFUSED = 4000
"""Closing codes from here on are the market's own: it would say the same again."""


def hear(channel: str) -> Iterator[dict[str, Any]]:
    """Every message of the channel from now on. Raises the error that the market answers with, and Unavailable when it
    stays away."""
    url, key = address_and_key()
    address = f"{url.replace('http', 'ws', 1)}/v1/stream"
    after: dict[str, int] = {}
    failures = 0
    while True:
        try:
            with connect(address, additional_headers={"Authorization": f"Bearer {key}"}, proxy=None) as connection:
                for message in _messages(connection, channel, after):
                    failures = 0
                    yield message
        except InvalidStatus as error:
            raise problem_error(error.response.status_code, bytes(error.response.body or b"")) from error
        except (OSError, WebSocketException) as error:
            failures += 1
            if failures == _ATTEMPTS or (isinstance(error, ConnectionClosed) and _is_refusal(error)):
                raise Unavailable("market_unreachable", f"the stream of {url} ended: {error}") from error
        threading.Event().wait(_PAUSE_SECONDS)


def _messages(connection: Connection, channel: str, after: dict[str, int]) -> Iterator[dict[str, Any]]:
    """The channel's messages; `after` is kept at how far they have come. Balances have no past to go on from."""
    known = {} if channel == "account" else after
    connection.send(json.dumps({"op": "subscribe", "channel": channel, "after": known}))
    for text in connection:
        message: dict[str, Any] = json.loads(text)
        if message["type"] == "problem":
            raise problem_error(message["problem"]["status"], json.dumps(message["problem"]).encode())
        if message["type"] == "subscribed":
            after |= message["sequences"]
        elif message["type"] == "heartbeat":
            after |= message["sequences"].get(channel, {})
        elif message.get("channel") == channel:
            after[message["stream"]] = message["sequence"]
            yield message


def _is_refusal(error: ConnectionClosed) -> bool:
    return error.rcvd is not None and error.rcvd.code >= _REFUSED
