"""The server: connections, subscriptions, and where a published message goes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from tests.simulation.loop import SimulatedLoop
from tests.simulation.network import Wire

NO_RESPONDERS = b"NATS/1.0 503\r\n\r\n"
_INFO = {"server_id": "TWIN", "version": "2.15.0", "proto": 1, "headers": True, "max_payload": 1 << 20}


@dataclass(slots=True, eq=False)
class Subscription:
    """A pattern of subjects that a client listens to; it ends after `left` more messages, unless that is None."""

    client: Client
    sid: str
    pattern: str
    left: int | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """A message as it was published. `headers` are the raw block, empty where there is none."""

    subject: str
    reply: str
    headers: bytes
    payload: bytes


class Server:
    """`jetstream` is asked first, and says whether the message was for it."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self.loop = loop
        self.jetstream: Callable[[Published], bool] = lambda message: False
        self._clients: list[Client] = []

    def accept(self, wire: Wire) -> Client:
        """A client has connected."""
        client = Client(self, wire)
        self._clients.append(client)
        return client

    def forget(self, client: Client) -> None:
        """A client has gone, and its subscriptions with it."""
        self._clients.remove(client)

    def is_heard(self, subject: str) -> bool:
        """Whether anybody listens to the subject."""
        return any(matches(sub.pattern, subject) for client in self._clients for sub in client.subscriptions.values())

    def publish(self, message: Published) -> None:
        """To everybody who listens, and into the streams; a request that nobody hears is told so."""
        heard = self.route(message)
        if not self.jetstream(message) and not heard and message.reply:
            self.route(Published(message.reply, "", NO_RESPONDERS, b""))

    def route(self, message: Published) -> bool:
        """To everybody who listens; whether anybody does."""
        return self.hand_to(message.subject, message)

    def hand_to(self, inbox: str, message: Published) -> bool:
        """To everybody who listens to the inbox, whatever the message's own subject; whether anybody does."""
        found = [
            sub for client in self._clients for sub in client.subscriptions.values() if matches(sub.pattern, inbox)
        ]
        for sub in found:
            sub.client.deliver(sub, message)
        return bool(found)


class Client:
    """A connected client: the protocol's text in, the protocol's text out."""

    def __init__(self, server: Server, wire: Wire) -> None:
        self.subscriptions: dict[str, Subscription] = {}
        self._server = server
        self._wire = wire
        self._buffer = bytearray()
        wire.send(b"INFO " + json.dumps(_INFO).encode() + b"\r\n")

    def receive(self, data: bytes) -> None:
        """Carry out every whole operation."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n")) >= 0:
            verb, *words = self._buffer[:end].decode().split()
            sizes = {"PUB": 1, "HPUB": 2}.get(verb, 0)
            length = int(words[-1]) if sizes else 0
            whole = end + 2 + length + (2 if sizes else 0)
            if len(self._buffer) < whole:
                return
            content = bytes(self._buffer[end + 2 : end + 2 + length])
            del self._buffer[:whole]
            self._carry_out(verb, words, content)

    def lost(self) -> None:
        """The connection is gone."""
        self._server.forget(self)

    def deliver(self, sub: Subscription, message: Published) -> None:
        """A message for one of the client's subscriptions."""
        words = [message.subject, sub.sid, *([message.reply] if message.reply else [])]
        if message.headers:
            words += [str(len(message.headers)), str(len(message.headers) + len(message.payload))]
        else:
            words.append(str(len(message.payload)))
        verb = "HMSG" if message.headers else "MSG"
        head = f"{verb} {' '.join(words)}\r\n".encode()
        self._wire.send(head + message.headers + message.payload + b"\r\n")
        if sub.left is not None:
            sub.left -= 1
            if sub.left <= 0:
                self.subscriptions.pop(sub.sid, None)

    def _carry_out(self, verb: str, words: list[str], content: bytes) -> None:
        match verb:
            case "PING":
                self._wire.send(b"PONG\r\n")
            case "SUB":
                self.subscriptions[words[-1]] = Subscription(self, words[-1], words[0])
            case "UNSUB":
                self._unsubscribe(*words)
            case "PUB":
                self._server.publish(Published(words[0], words[1] if len(words) == 3 else "", b"", content))
            case "HPUB":
                cut = int(words[-2])
                reply = words[1] if len(words) == 4 else ""
                self._server.publish(Published(words[0], reply, content[:cut], content[cut:]))
            case "CONNECT" | "PONG":
                pass
            case _:
                raise AssertionError(f"the twin does not know {verb}")

    def _unsubscribe(self, sid: str, left: str = "0") -> None:
        if int(left) and sid in self.subscriptions:
            self.subscriptions[sid].left = int(left)
        else:
            self.subscriptions.pop(sid, None)


@lru_cache(maxsize=100_000)
def matches(pattern: str, subject: str) -> bool:
    """Whether the pattern, with its wildcards `*` and `>`, names the subject."""
    wanted, given = pattern.split("."), subject.split(".")
    for index, token in enumerate(wanted):
        if token == ">":
            return len(given) > index
        if index >= len(given) or token not in ("*", given[index]):
            return False
    return len(wanted) == len(given)
