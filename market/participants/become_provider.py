"""A participant becomes a provider by one form; nothing else changes, and it stays a buyer too."""

from __future__ import annotations

from sqlalchemy import Connection

from billing import identities
from market.tables import participant


def become_provider(connection: Connection, at_micros: int, participant_id: str, form: identities.Form) -> int:
    """Keep the legal identity as a new version, and allow offers. The version's number.

    Raises InvalidInput with `tax_number_invalid` or `iban_invalid`.
    """
    version = identities.save(connection, participant_id, form, at_micros)
    connection.execute(participant.update().where(participant.c.id == participant_id).values(is_provider=True))
    return version
