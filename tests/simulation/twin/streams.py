"""Streams: messages kept by sequence, within the limits of their configuration, and stored once per message id."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.simulation.twin.server import Published, matches

NANOS = 1_000_000_000
_ID_HEADER = "nats-msg-id:"


@dataclass(frozen=True, slots=True)
class Stored:
    """A message in a stream; `at_ns` is when it came, in nanoseconds since the Unix epoch."""

    sequence: int
    message: Published
    at_ns: int


@dataclass(eq=False)
class Stream:
    """`config` is what the client sent, durations in nanoseconds."""

    name: str
    config: dict[str, Any]
    last_sequence: int = 0
    messages: dict[int, Stored] = field(default_factory=dict)
    _ids: dict[str, tuple[int, int]] = field(default_factory=dict)

    def takes(self, subject: str) -> bool:
        """Whether the subject is one of the stream's."""
        return any(matches(pattern, subject) for pattern in self.config.get("subjects", ()))

    def store(self, message: Published, at_ns: int) -> tuple[int, bool]:
        """The message's sequence, and whether it is the repetition of an id that came a short while ago."""
        message_id = _message_id(message.headers)
        self._forget(at_ns)
        if message_id in self._ids:
            return self._ids[message_id][0], True
        self.last_sequence += 1
        self.messages[self.last_sequence] = Stored(self.last_sequence, message, at_ns)
        if message_id:
            self._ids[message_id] = (self.last_sequence, at_ns)
        most = self.config.get("max_msgs_per_subject") or -1
        if most > 0:
            same = [kept.sequence for kept in self.messages.values() if kept.message.subject == message.subject]
            for sequence in same[:-most]:
                del self.messages[sequence]
        return self.last_sequence, False

    def lose_tail(self, count: int) -> None:
        """The newest messages are gone, as after a power failure of a server that had not yet written them to disk."""
        for sequence in list(self.messages)[-count:]:
            del self.messages[sequence]
            self._ids = {name: kept for name, kept in self._ids.items() if kept[0] != sequence}

    def last_per_subject(self, pattern: str) -> list[int]:
        """The sequence of the newest message of every subject that the pattern names, in order."""
        newest = {kept.message.subject: kept.sequence for kept in self.messages.values()}
        return sorted(sequence for subject, sequence in newest.items() if matches(pattern, subject))

    def state(self) -> dict[str, Any]:
        """As the API tells it."""
        first = next(iter(self.messages), self.last_sequence + 1)
        return {
            "messages": len(self.messages),
            "bytes": sum(len(kept.message.payload) for kept in self.messages.values()),
            "first_seq": first,
            "last_seq": self.last_sequence,
            "consumer_count": 0,
        }

    def _forget(self, now_ns: int) -> None:
        window = self.config.get("duplicate_window") or 120 * NANOS
        for message_id, (_sequence, at_ns) in list(self._ids.items()):
            if at_ns + window > now_ns:
                break
            del self._ids[message_id]
        age = self.config.get("max_age")
        for sequence, kept in list(self.messages.items()):
            if not age or kept.at_ns + age > now_ns:
                break
            del self.messages[sequence]


def _message_id(headers: bytes) -> str:
    for line in headers.decode().split("\r\n"):
        if line.lower().startswith(_ID_HEADER):
            return line[len(_ID_HEADER) :].strip()
    return ""
