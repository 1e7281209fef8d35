"""What the market may ask an agent of the present, and the answers: requests on `cmd.<node>.<verb>`.

Decoded leniently, as all messages (`common.wire`) are.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from common.wire import FieldAnswer, GuestState


@dataclass(frozen=True, slots=True)
class Question:
    """Market to agent: tell of a contract's guest, or of the node where there is none."""

    contract: str = ""


@dataclass(frozen=True, slots=True)
class GuestAnswer:
    """A guest now. `settled` says that it is as its desired state at `revision` wants it, as far as `answers` say."""

    ok: bool
    reason: str = ""
    state: GuestState = "accepted"
    revision: int = 0
    settled: bool = False
    answers: tuple[FieldAnswer, ...] = ()


@dataclass(frozen=True, slots=True)
class ConsoleAnswer:
    """The newest part of what a guest wrote to its serial console."""

    ok: bool
    reason: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class SnapshotMark:
    """A state of a guest's disk that is kept; `at_ms` by the node's clock."""

    name: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class SnapshotsAnswer:
    """The states of a guest's disk that are kept, oldest first."""

    ok: bool
    reason: str = ""
    snapshots: tuple[SnapshotMark, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeAnswer:
    """A node now: its hypervisor and what that can do, and the states of its guests by contract."""

    ok: bool
    reason: str = ""
    agent_version: str = ""
    hypervisor: str = ""
    hypervisor_version: str = ""
    abilities: tuple[str, ...] = ()
    synced: bool = False
    guests: dict[str, GuestState] = field(default_factory=dict)
