"""API keys: 256 random bits, shown once, kept as their SHA-256, with scopes and an expiry in real time.

A fast digest is enough here, unlike for passwords: a random secret of this size cannot be guessed from it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from common.errors import InvalidInput, NotFound, Unauthenticated
from common.ids import is_id, new_id
from market.tables import api_key

SCOPES = ("trade", "provide", "finance", "operate", "read")
PARTICIPANT_SCOPES = ("trade", "provide", "finance", "read")
"""What a participant's own keys may carry; `operate` is the market operator's."""

_PREFIX = "nx"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a key speaks for, and what it may do."""

    key: str
    participant: str
    scopes: frozenset[str]
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key without its secret."""

    id: str
    name: str
    scopes: tuple[str, ...]
    expires_at: datetime | None
    revoked_at: datetime | None


def create_key(
    connection: Connection, at_ms: int, participant: str, name: str, scopes: Sequence[str], expires_at: datetime | None
) -> tuple[KeyInfo, str]:
    """A new key and the text that authenticates with it, which is never to be had again.

    Raises InvalidInput for a scope that does not exist.
    """
    if unknown := set(scopes) - set(SCOPES):
        raise InvalidInput(
            "invalid_field", f"there is no scope {min(unknown)}", field="scopes", limit=", ".join(SCOPES)
        )
    key, secret = new_id("key", at_ms), secrets.token_urlsafe(32)
    ordered = [scope for scope in SCOPES if scope in scopes]
    row = {
        "id": key,
        "participant_id": participant,
        "name": name,
        "secret_sha256": _digest(secret),
        "scopes": ordered,
        "expires_at": expires_at,
    }
    connection.execute(api_key.insert(), [row])
    return KeyInfo(key, name, tuple(ordered), expires_at, None), f"{_PREFIX}.{key}.{secret}"


def list_keys(connection: Connection, participant: str) -> list[KeyInfo]:
    """All keys of a participant, oldest first."""
    query = select(api_key).where(api_key.c.participant_id == participant).order_by(api_key.c.id)
    return [
        KeyInfo(row.id, row.name, tuple(row.scopes), row.expires_at, row.revoked_at)
        for row in connection.execute(query)
    ]


def revoke_key(connection: Connection, participant: str, key: str) -> None:
    """End a key of this participant; doing so twice is no error. Raises NotFound."""
    statement = api_key.update().where(api_key.c.id == key, api_key.c.participant_id == participant)
    revoked = connection.execute(statement.values(revoked_at=func.coalesce(api_key.c.revoked_at, func.now())))
    if revoked.rowcount == 0:
        raise NotFound("not_found", f"you have no key {key}", field="key")


def authenticate(connection: Connection, text: str) -> Caller:
    """Who a key's text speaks for. Raises Unauthenticated, without a hint at what was wrong with it."""
    prefix, _, rest = text.partition(".")
    key, _, secret = rest.partition(".")
    invalid = Unauthenticated("key_invalid", "the API key is unknown, revoked or expired")
    if prefix != _PREFIX or not is_id(key, "key"):
        raise invalid
    alive = (api_key.c.expires_at.is_(None) | (api_key.c.expires_at > func.now())) & api_key.c.revoked_at.is_(None)
    row = connection.execute(select(api_key).where(api_key.c.id == key, alive)).one_or_none()
    if row is None or not hmac.compare_digest(bytes(row.secret_sha256), _digest(secret)):
        raise invalid
    return Caller(row.id, row.participant_id, frozenset(row.scopes), row.expires_at)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
