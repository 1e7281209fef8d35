"""NATS keys (nkeys) and tokens: a NATS JWT is a JSON object, signed with Ed25519 by the key of whoever issues it.

The form is that of the NATS documentation, "JWT", and of the library `nats-io/jwt`, version 2.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import Any, Literal

import nkeys

KeyKind = Literal["operator", "account", "user"]

_PREFIXES = {
    "operator": nkeys.PREFIX_BYTE_OPERATOR,
    "account": nkeys.PREFIX_BYTE_ACCOUNT,
    "user": nkeys.PREFIX_BYTE_USER,
}
_LETTERS = {"operator": "O", "account": "A", "user": "U"}
_PUBLIC_KEY_CHARACTERS = 56
_VERSION = 2


def new_seed(kind: KeyKind) -> str:
    """A fresh private key in its text form (`SO...`, `SA...`, `SU...`)."""
    return str(nkeys.encode_seed(secrets.token_bytes(32), _PREFIXES[kind]).decode())


def public_key(seed: str) -> str:
    """The public half of a seed: 56 characters that start with O, A or U."""
    return str(nkeys.from_seed(bytearray(seed.encode())).public_key.decode())


def is_public_key(text: str, kind: KeyKind) -> bool:
    """Whether the text is a public key of this kind, checksum included."""
    if len(text) != _PUBLIC_KEY_CHARACTERS or not text.startswith(_LETTERS[kind]):
        return False
    try:
        raw = base64.b32decode(text.encode())
    except ValueError:
        return False
    return bool(nkeys.crc16_checksum(raw[:-2]) == raw[-2:])


def signed(kind: KeyKind, *, subject: str, name: str, issuer_seed: str, issued_at: int, body: dict[str, Any]) -> str:
    """A token about the public key `subject`. `issued_at`: seconds since the Unix epoch; `body`: its NATS claims."""
    claims = {
        "iat": issued_at,
        "iss": public_key(issuer_seed),
        "name": name,
        "sub": subject,
        "nats": {**body, "type": kind, "version": _VERSION},
    }
    claims = {"jti": _digest(claims), **claims}
    text = f"{_base64url(_json({'typ': 'JWT', 'alg': 'ed25519-nkey'}))}.{_base64url(_json(claims))}"
    signature = nkeys.from_seed(bytearray(issuer_seed.encode())).sign(text.encode())
    return f"{text}.{_base64url(signature)}"


def credentials_file(jwt: str, seed: str) -> str:
    """The text of a credentials file, as every NATS client reads it: a user's token and its seed."""
    return (
        f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )


def _digest(claims: dict[str, Any]) -> str:
    digest = hashlib.new("sha512_256", _json(claims)).digest()
    return base64.b32encode(digest).decode().rstrip("=")


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
