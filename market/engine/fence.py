"""The fence of a shard: a lease row with an epoch and the next sequence number, on database time.

Every batch moves the sequence under its own epoch, or does not commit; so two engines can never both write. A takeover
commits its new epoch before it reads anything else: from then on the old engine's transactions cannot commit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, Interval, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from market.tables import journal, lease
from runtime.driver import Asked, Pipe

_ADVANCE = (
    lease.update()
    .where(lease.c.shard == bindparam("of_shard"), lease.c.epoch == bindparam("of_epoch"))
    .values(
        next_sequence=lease.c.next_sequence + bindparam("commands", type_=BigInteger),
        last_at_micros=func.coalesce(bindparam("at_micros", type_=BigInteger), lease.c.last_at_micros),
        expires_at=func.now() + bindparam("length", type_=Interval),
    )
    .returning(lease.c.next_sequence)
)


class Fenced(Exception):
    """Another engine holds a newer epoch of this shard; this one must end without writing."""


@dataclass(frozen=True, slots=True)
class Fence:
    """What a lease holder knows: its epoch, and the sequence number and market time from which it goes on."""

    shard: str
    epoch: int
    next_sequence: int
    last_at_micros: int


def acquire(connection: Connection, shard: str, holder: str, lease_seconds: float) -> Fence | None:
    """The fence under a fresh epoch, if the shard is new or its lease has run out; else None. Commit before using
    it."""
    expiry = func.now() + timedelta(seconds=lease_seconds)
    fresh = insert(lease).values(
        shard=shard, epoch=1, holder=holder, expires_at=expiry, next_sequence=1, last_at_micros=0
    )
    taken = fresh.on_conflict_do_update(
        index_elements=["shard"],
        set_={"epoch": lease.c.epoch + 1, "holder": holder, "expires_at": expiry},
        where=lease.c.expires_at < func.now(),
    ).returning(lease.c.epoch, lease.c.next_sequence, lease.c.last_at_micros)
    row = connection.execute(taken).one_or_none()
    return None if row is None else Fence(shard, row.epoch, row.next_sequence, row.last_at_micros)


def put_claim(pipe: Pipe, fence: Fence, commands: int, at_micros: int, lease_seconds: float) -> Asked:
    """Claim the next `commands` sequence numbers with the pipe's next `send`, and lock the lease row until the commit.
    `first_claimed` must look at the answer before the commit."""
    return pipe.put(_ADVANCE, _values(fence, commands, at_micros, lease_seconds))


def first_claimed(claim: Asked, fence: Fence, commands: int) -> int:
    """The first of the claimed numbers. Raises Fenced."""
    if not claim.rows:
        raise Fenced(f"shard {fence.shard} was taken over")
    following: int = claim.rows[0].next_sequence
    return following - commands


def renew(connection: Connection, fence: Fence, lease_seconds: float) -> None:
    """Keep the lease. Raises Fenced."""
    if connection.execute(_ADVANCE, _values(fence, 0, None, lease_seconds)).one_or_none() is None:
        raise Fenced(f"shard {fence.shard} was taken over")


def check(connection: Connection, fence: Fence) -> None:
    """Raises Fenced. Without a lock: for answers that write nothing."""
    epoch = connection.execute(select(lease.c.epoch).where(lease.c.shard == fence.shard)).scalar_one()
    if epoch != fence.epoch:
        raise Fenced(f"shard {fence.shard} was taken over")


def release(connection: Connection, fence: Fence) -> None:
    """Let a standby take over at once: the orderly end of an engine."""
    connection.execute(
        lease.update()
        .where(lease.c.shard == fence.shard, lease.c.epoch == fence.epoch)
        .values(expires_at=func.now() - timedelta(seconds=1))
    )


def was_committed(connection: Connection, fence: Fence, first_sequence: int) -> bool:
    """Whether the block that starts at this sequence number is in the journal, asked behind the lease row's lock: while
    the transaction in doubt is still open, this waits for its end. Raises Fenced."""
    row = connection.execute(select(lease.c.epoch).where(lease.c.shard == fence.shard).with_for_update()).one()
    if row.epoch != fence.epoch:
        raise Fenced(f"shard {fence.shard} was taken over")
    block = select(journal.c.sequence).where(journal.c.shard == fence.shard, journal.c.sequence == first_sequence)
    return connection.execute(block).one_or_none() is not None


def _values(fence: Fence, commands: int, at_micros: int | None, lease_seconds: float) -> dict[str, Any]:
    return {
        "of_shard": fence.shard,
        "of_epoch": fence.epoch,
        "commands": commands,
        "at_micros": at_micros,
        "length": timedelta(seconds=lease_seconds),
    }
