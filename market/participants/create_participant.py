"""A new participant: an organisation with accounts, its first user, and its first key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from billing import identities, ledger
from common.ids import new_id
from market.participants.keys import PARTICIPANT_SCOPES, create_key
from market.tables import membership, participant, user_account

DEFAULT_FEE_PPM = 50_000
"""Five per cent of gross, unless the operator agrees on something else."""


@dataclass(frozen=True, slots=True)
class Participant:
    """An organisation that trades."""

    id: str
    name: str
    is_provider: bool
    fee_ppm: int


def create_participant(
    connection: Connection,
    at_ms: int,
    name: str,
    email: str,
    *,
    fee_ppm: int = DEFAULT_FEE_PPM,
    scopes: Sequence[str] = PARTICIPANT_SCOPES,
    identity: identities.Form | None = None,
) -> tuple[Participant, str]:
    """The participant and the text of its first key. The user with this e-mail address is made where there is none.

    Raises InvalidInput where the legal identity is wrong.
    """
    created = Participant(new_id("prt", at_ms), name, is_provider=False, fee_ppm=fee_ppm)
    connection.execute(participant.insert(), [{"id": created.id, "name": name, "fee_ppm": fee_ppm}])
    user = insert(user_account).values(id=new_id("usr", at_ms), email=email)
    connection.execute(user.on_conflict_do_nothing(index_elements=["email"]))
    user_id = connection.execute(select(user_account.c.id).where(user_account.c.email == email)).scalar_one()
    connection.execute(membership.insert(), [{"participant_id": created.id, "user_id": user_id}])
    ledger.open_accounts(connection, created.id)
    if identity is not None:
        identities.save(connection, created.id, identity, at_ms * 1000)
    _, text = create_key(connection, at_ms, created.id, "first key", scopes, None)
    return created, text


def list_participants(connection: Connection, after: str, limit: int) -> list[Participant]:
    """Up to `limit` participants with ids above `after`, oldest first."""
    query = select(participant).where(participant.c.id > after).order_by(participant.c.id).limit(limit)
    return [Participant(row.id, row.name, row.is_provider, row.fee_ppm) for row in connection.execute(query)]
