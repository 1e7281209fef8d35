"""What the market tells an agent to do at once, beside desired state: requests on `cmd.<node>.<verb>`.

Decoded leniently, as all messages (`common.wire`) are. Questions are in `common.questions`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sync:
    """Market to agent: every contract that the node should hold, with its revision; nothing else is wanted.

    A `generation` above the one that the agent knows says that the market was set back to an earlier moment: contracts
    of earlier generations that are not named here do not exist any more.
    """

    revisions: dict[str, int]
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Watermark:
    """Market to agent: every report of a life up to `sequence` is committed and may leave the spool."""

    sequence: int
    life: int = 0


@dataclass(frozen=True, slots=True)
class Resend:
    """Market to agent: publish the reports of a life from `sequence` on again."""

    sequence: int
    life: int = 0


@dataclass(frozen=True, slots=True)
class Retell:
    """Market to agent: the newest status of these contracts has not come; tell it again."""

    contracts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CommandAnswer:
    """Agent to market: whether a command was carried out, and why not."""

    ok: bool
    reason: str = ""
