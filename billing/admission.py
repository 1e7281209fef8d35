"""Which usage records may count: a record against its contract, whatever else is said of the same minute. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from common.minutes import SECONDS_PER_MINUTE
from common.money import LARGEST_MICROS
from common.wire import GuestMinute, UsageReport

INVALID_SECONDS = "invalid_seconds"
UNKNOWN_CONTRACT = "unknown_contract"
WRONG_NODE = "wrong_node"
OUTSIDE_WINDOW = "outside_window"
AFTER_END = "after_end"
AFTER_CLOSE = "after_close"
CONFLICTING = "conflicting"
DELIVERED_BY_ANOTHER = "delivered_by_another"
_LONGEST_ID = 100
_LARGEST_MINUTE = 2**31 - 1


class MinuteRecord(NamedTuple):
    """One guest, or volume, in one minute: a row of `usage_minute`, its columns in their order."""

    contract_id: str
    minute: int
    seconds: int
    node_id: str
    life: int
    sequence: int
    epoch: int
    cpu_ns: int
    memory_kib: int
    disk_bytes: int
    network_bytes: int
    volume_gib: int = 0

    def same_as(self, other: MinuteRecord) -> bool:
        """Whether both say the same of the same minute, whichever report brought them."""
        return self._replace(life=0, sequence=0) == other._replace(life=0, sequence=0)


@dataclass(frozen=True, slots=True)
class ReportedContract:
    """What a record is held against. From `ended_minute` on no minute counts; `closed` is billing's state."""

    node_id: str
    start_minute: int
    end_minute: int
    ended_minute: int | None
    closed: bool


def fits(report: UsageReport, now_minute: int) -> bool:
    """Whether its numbers are such as an agent can mean; any other report is dropped as a whole, without a receipt.

    The running minute is allowed, for an agent whose clock is a little ahead; one that is still to come is not.
    """
    numbered = 1 <= report.sequence <= LARGEST_MICROS and 0 <= report.life <= LARGEST_MICROS
    return numbered and 0 <= report.since <= _LARGEST_MINUTE and 0 <= report.minute <= now_minute


def minute_record(report: UsageReport, guest: GuestMinute) -> MinuteRecord:
    """The guest's record, with whatever an agent may send brought into the range of the columns."""
    return MinuteRecord(
        _storable_id(guest.contract),
        report.minute,
        _storable(guest.seconds),
        report.node,
        report.life,
        report.sequence,
        _storable(guest.epoch),
        _storable(guest.cpu_ns),
        _storable(guest.memory_kib),
        _storable(guest.disk_bytes),
        _storable(guest.network_bytes),
        _storable(guest.volume_gib),
    )


def refusal(record: MinuteRecord, contract: ReportedContract | None, *, period_closed: bool) -> str | None:
    """Why the record may not count, or None."""
    if not 0 <= record.seconds <= SECONDS_PER_MINUTE:
        return INVALID_SECONDS
    if contract is None:
        return UNKNOWN_CONTRACT
    if record.node_id != contract.node_id:
        return WRONG_NODE
    if not contract.start_minute <= record.minute < contract.end_minute:
        return OUTSIDE_WINDOW
    if contract.ended_minute is not None and record.minute >= contract.ended_minute:
        return AFTER_END
    return AFTER_CLOSE if contract.closed or period_closed else None


def _storable(number: int) -> int:
    return max(-LARGEST_MICROS, min(number, LARGEST_MICROS))


def _storable_id(text: str) -> str:
    """PostgreSQL keeps neither NUL nor lone surrogates, and an index no very long text; no real id has any of them."""
    return text.encode(errors="replace").decode().replace("\x00", "?")[:_LONGEST_ID]
