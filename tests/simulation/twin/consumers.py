"""Durable pull consumers: who asks gets, what is not acknowledged in time comes again."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.loop import SimulatedLoop
from tests.simulation.twin.server import Published, Server, matches
from tests.simulation.twin.streams import NANOS, Stored, Stream

_NO_MESSAGES = b"NATS/1.0 404 No Messages\r\n\r\n"


@dataclass(slots=True, eq=False)
class Pull:
    """A client asks for up to `left` messages on its inbox. A `one_shot` one is over as soon as it got something and
    nothing more is there."""

    inbox: str
    left: int
    one_shot: bool
    served: int = 0
    expiry: asyncio.TimerHandle | None = None


@dataclass(slots=True, eq=False)
class Pending:
    """A message that was delivered `deliveries` times, and is not acknowledged; `due` ends its time or its delay."""

    deliveries: int = 0
    due: asyncio.TimerHandle | None = None


@dataclass(eq=False)
class Consumer:
    """`reorder` may change the order in which messages come again."""

    server: Server
    stream: Stream
    name: str
    config: dict[str, Any]
    reorder: Callable[[list[int]], None] = lambda sequences: None
    next_sequence: int = 1
    delivered: int = 0
    pending: dict[int, Pending] = field(default_factory=dict)
    again: list[int] = field(default_factory=list)
    waiting: deque[Pull] = field(default_factory=deque)
    _first: deque[int] = field(default_factory=deque)

    def __post_init__(self) -> None:
        if self.config.get("deliver_policy") == "last_per_subject":
            self._first.extend(self.stream.last_per_subject(self._filter))
            self.next_sequence = self.stream.last_sequence + 1

    @property
    def _loop(self) -> SimulatedLoop:
        return self.server.loop

    @property
    def _filter(self) -> str:
        return str(self.config.get("filter_subject", ">"))

    def pull(self, inbox: str, request: dict[str, Any]) -> None:
        """A client asks for messages."""
        pull = Pull(inbox, request.get("batch", 1), request.get("no_wait", False))
        expires = request.get("expires", 0)
        if pull.one_shot and not expires and not self.count_pending():
            self.server.route(Published(inbox, "", _NO_MESSAGES, b""))
            return
        self.waiting.append(pull)
        if expires:
            pull.expiry = self._loop.call_later(expires / NANOS, self._end, pull)
        self.pump()

    def close(self) -> None:
        """It is no more: nobody hears of it again."""
        for sequence in list(self.pending):
            self._settle(sequence)
        for pull in list(self.waiting):
            self._drop(pull)

    def acknowledge(self, sequence: int, payload: bytes) -> None:
        """What a client says of a message that it got."""
        verb, _, options = payload.decode().partition(" ")
        if sequence not in self.pending:
            return
        if verb == "-NAK":
            self._come_again(sequence, json.loads(options)["delay"] / NANOS if options else 0.0)
        elif verb == "+WPI":
            self._come_again(sequence, self._ack_seconds)
        else:
            self._settle(sequence)
            self.pump()

    def pump(self) -> None:
        """Hand out what is there to those who ask."""
        while self.waiting:
            pull = self.waiting[0]
            if not self.server.is_heard(pull.inbox):
                self._drop(pull)
                continue
            stored = self._next()
            if stored is None:
                break
            self._deliver(pull, stored)
        for pull in [pull for pull in self.waiting if pull.one_shot and pull.served]:
            self._end(pull)

    def count_pending(self) -> int:
        """Messages that could be handed out now."""
        fresh = [s for s, kept in self.stream.messages.items() if s >= self.next_sequence and self._wants(kept)]
        return len(fresh) + len(self.again) + len(self._first)

    def info(self) -> dict[str, Any]:
        """As the API tells it."""
        mark = {"consumer_seq": self.delivered, "stream_seq": self.next_sequence - 1}
        return {
            "stream_name": self.stream.name,
            "name": self.name,
            "created": "2026-01-01T00:00:00Z",
            "config": self.config,
            "delivered": mark,
            "ack_floor": mark,
            "num_ack_pending": len(self.pending),
            "num_redelivered": sum(pending.deliveries > 1 for pending in self.pending.values()),
            "num_waiting": len(self.waiting),
            "num_pending": self.count_pending(),
        }

    @property
    def _ack_seconds(self) -> float:
        return float(self.config.get("ack_wait") or 30 * NANOS) / NANOS

    def _wants(self, stored: Stored) -> bool:
        return matches(self._filter, stored.message.subject)

    def _next(self) -> Stored | None:
        while self.again:
            sequence = self.again.pop(0)
            if sequence in self.stream.messages:
                return self.stream.messages[sequence]
            self._settle(sequence)
        most = self.config.get("max_ack_pending") or 1000
        if most > 0 and len(self.pending) >= most:
            return None
        while self._first:
            sequence = self._first.popleft()
            if sequence in self.stream.messages:
                return self.stream.messages[sequence]
        while self.next_sequence <= self.stream.last_sequence:
            stored = self.stream.messages.get(self.next_sequence)
            self.next_sequence += 1
            if stored is not None and self._wants(stored):
                return stored
        return None

    def _deliver(self, pull: Pull, stored: Stored) -> None:
        self.delivered += 1
        pending = self.pending.setdefault(stored.sequence, Pending())
        pending.deliveries += 1
        self._come_again(stored.sequence, self._ack_seconds)
        place = f"{pending.deliveries}.{stored.sequence}.{self.delivered}.{stored.at_ns}.{self.count_pending()}"
        reply = f"$JS.ACK.{self.stream.name}.{self.name}.{place}"
        message = stored.message
        self.server.hand_to(pull.inbox, Published(message.subject, reply, message.headers, message.payload))
        pull.left -= 1
        pull.served += 1
        if not pull.left:
            self._drop(pull)

    def _come_again(self, sequence: int, seconds: float) -> None:
        pending = self.pending[sequence]
        if pending.due is not None:
            pending.due.cancel()
        pending.due = self._loop.call_later(seconds, self._is_due, sequence)

    def _is_due(self, sequence: int) -> None:
        if sequence in self.pending and sequence not in self.again:
            self.again.append(sequence)
            self.reorder(self.again)
            self.pump()

    def _settle(self, sequence: int) -> None:
        pending = self.pending.pop(sequence, None)
        if pending is not None and pending.due is not None:
            pending.due.cancel()
        if sequence in self.again:
            self.again.remove(sequence)

    def _end(self, pull: Pull) -> None:
        if pull in self.waiting:
            self._drop(pull)
            headers = f"NATS/1.0 408 Request Timeout\r\nNats-Pending-Messages: {pull.left}\r\n\r\n".encode()
            self.server.route(Published(pull.inbox, "", headers, b""))

    def _drop(self, pull: Pull) -> None:
        self.waiting.remove(pull)
        if pull.expiry is not None:
            pull.expiry.cancel()
