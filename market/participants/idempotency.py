"""Writes that may come twice: a participant's `Idempotency-Key`, what it was used for, and the answer to that.

A key is claimed before its call runs. What the call writes marks the claim in the same transaction, so that after a
crash it is known whether the call took effect; the answer is kept after it. Keys and claims expire in real time, by the
database's clock.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from common.errors import Busy, Conflict, InvalidInput
from market.participants.keys import Caller
from market.tables import idempotency

T = TypeVar("T")

FIELD = "Idempotency-Key"
KEPT = timedelta(hours=24)
_CLAIMED = timedelta(minutes=2)
_ASK_AGAIN_SECONDS = 1
_SWEPT_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Call:
    """A write as it came: whose, under which key, and a digest of all that was asked for."""

    participant: str
    api_key: str
    key: str
    content_sha256: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run a call; `token` tells it from a later one of the same key."""

    call: Call
    token: str

    def marking(self, work: Callable[[Connection], T]) -> Callable[[Connection], T]:
        """`work`, in whose transaction the call is marked as one that has taken effect."""

        def marked(connection: Connection) -> T:
            done = work(connection)
            connection.execute(idempotency.update().where(_is(self)).values(took_effect=True))
            return done

        return marked


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What the first call was answered with. The body is sealed by the caller of this module."""

    status: int
    media_type: str | None
    sealed_body: bytes


def call_of(who: Caller, key: str, content_sha256: bytes) -> Call:
    """The call that this caller makes."""
    return Call(who.participant, who.key, key, content_sha256)


def claim(connection: Connection, call: Call) -> Claim | KeptAnswer:
    """The right to run the call now, or the answer to the first one.

    Raises InvalidInput (`idempotency_key_reused`), Busy (`idempotency_key_in_use`) while the first one runs, Conflict
    (`answer_lost`) when it took effect and nobody knows its answer.
    """
    wanted = Claim(call, secrets.token_hex(16))
    values = {
        "api_key_id": call.api_key,
        "content_sha256": call.content_sha256,
        "token": wanted.token,
        "claimed_until": func.clock_timestamp() + _CLAIMED,
        "expires_at": func.clock_timestamp() + KEPT,
    }
    afresh = values | {"took_effect": False, "status": None, "media_type": None, "sealed_body": None}
    statement = insert(idempotency).values(participant_id=call.participant, key=call.key, **values)
    statement = statement.on_conflict_do_update(
        index_elements=["participant_id", "key"], set_=afresh, where=_is_free(call)
    )
    connection.execute(statement)
    is_over = (idempotency.c.claimed_until <= func.clock_timestamp()).label("is_claim_over")
    row = connection.execute(select(idempotency, is_over).where(_names(call))).one()
    return wanted if row.token == wanted.token else _kept(row, call)


def keep(connection: Connection, made: Claim, answer: KeptAnswer) -> None:
    """The call is done: this is its answer from now on."""
    values = {"status": answer.status, "media_type": answer.media_type, "sealed_body": answer.sealed_body}
    connection.execute(idempotency.update().where(_is(made)).values(**values))


def give_up(connection: Connection, made: Claim) -> None:
    """The call failed: it may be tried again, unless it took effect before it failed."""
    connection.execute(idempotency.delete().where(_is(made), ~idempotency.c.took_effect))
    connection.execute(idempotency.update().where(_is(made)).values(claimed_until=func.clock_timestamp()))


def sweep(connection: Connection) -> int:
    """Forget keys that have expired; how many, of at most a thousand at once."""
    expired = (
        select(idempotency.c.participant_id, idempotency.c.key)
        .where(idempotency.c.expires_at <= func.clock_timestamp())
        .limit(_SWEPT_AT_ONCE)
        .cte("expired")
    )
    same = (idempotency.c.participant_id == expired.c.participant_id) & (idempotency.c.key == expired.c.key)
    return connection.execute(idempotency.delete().where(same)).rowcount


def _kept(row: Any, call: Call) -> KeptAnswer:
    if bytes(row.content_sha256) != call.content_sha256 or row.api_key_id != call.api_key:
        message = "this Idempotency-Key was used for another request, or with another API key"
        raise InvalidInput("idempotency_key_reused", message, field=FIELD)
    if row.status is not None:
        return KeptAnswer(row.status, row.media_type, bytes(row.sealed_body))
    if row.took_effect and row.is_claim_over:
        raise Conflict("answer_lost", "the first call took effect; its answer is lost, so look at what there is now")
    message = "the first call with this Idempotency-Key is still running"
    raise Busy("idempotency_key_in_use", message, retry_after_seconds=_ASK_AGAIN_SECONDS, field=FIELD)


def _is_free(call: Call) -> ColumnElement[bool]:
    """Nobody has the key any more, or who had it died without an effect, and this is the same call."""
    of = idempotency.c
    died = and_(
        of.status.is_(None),
        ~of.took_effect,
        of.claimed_until <= func.clock_timestamp(),
        of.content_sha256 == call.content_sha256,
        of.api_key_id == call.api_key,
    )
    return or_(of.expires_at <= func.clock_timestamp(), died)


def _names(call: Call) -> ColumnElement[bool]:
    return and_(idempotency.c.participant_id == call.participant, idempotency.c.key == call.key)


def _is(made: Claim) -> ColumnElement[bool]:
    return and_(_names(made.call), idempotency.c.token == made.token)
