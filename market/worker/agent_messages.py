"""What an agent may say, read so that nothing of it can harm anybody else: a message that is off is dropped alone."""

from __future__ import annotations

from dataclasses import replace

from common import codec
from common.errors import InvalidInput
from common.ids import is_id
from common.wire import LARGEST_NUMBER, LONGEST_REASON, Capacity, GuestStatus, Heartbeat
from market.nodes.agent_words import plain_answers, plain_text

_NOTHING = Capacity(0, 0, 0)
_LARGEST_REVISION = 2**31 - 1
_LONGEST_VERSION = 40
_LARGEST_PORT = 65_535


def read_status(data: bytes, sender: str) -> GuestStatus:
    """The status that the node `sender` published. Raises InvalidInput (`message_malformed`)."""
    status = codec.decode(GuestStatus, data, lenient=True)
    _check(status.node == sender, "node")
    _check(is_id(status.contract, "con"), "contract")
    _check(0 <= status.revision <= _LARGEST_REVISION, "revision")
    _check(0 <= status.applied <= _LARGEST_REVISION, "applied")
    _check(0 <= status.at_ms <= LARGEST_NUMBER, "at_ms")
    for endpoint in status.endpoints:
        _check(0 < endpoint.port <= _LARGEST_PORT, "endpoints.port")
    endpoints = tuple(
        replace(endpoint, service=plain_text(endpoint.service, 40), address=plain_text(endpoint.address, 100))
        for endpoint in status.endpoints[:50]
    )
    answers = plain_answers(status.answers)
    return replace(status, reason=plain_text(status.reason, LONGEST_REASON), endpoints=endpoints, answers=answers)


def read_heartbeat(data: bytes, sender: str) -> Heartbeat:
    """The heartbeat that the node `sender` published. Raises InvalidInput (`message_malformed`)."""
    beat = codec.decode(Heartbeat, data, lenient=True)
    _check(beat.node == sender, "node")
    _check(0 <= beat.at_ms <= LARGEST_NUMBER, "at_ms")
    _check(0 < beat.version <= _LARGEST_REVISION, "version")
    used = _NOTHING if beat.own_work is None else beat.own_work
    _check(all(0 <= amount <= LARGEST_NUMBER for amount in (used.vcpus, used.memory_mib, used.disk_gib)), "own_work")
    return replace(beat, agent_version=plain_text(beat.agent_version, _LONGEST_VERSION))


def _check(holds: bool, field: str) -> None:
    if not holds:
        raise InvalidInput("message_malformed", f"{field} is not such as an agent can mean", field=field)
