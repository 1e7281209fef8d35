"""The form of NATS tokens and keys. That nats-server takes them is proved by the tests of agent access."""

from __future__ import annotations

import base64
import json

import nkeys
import pytest

from runtime.nats_jwt import KeyKind, is_public_key, new_seed, public_key, signed


def _parts(jwt: str) -> list[bytes]:
    return [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in jwt.split(".")]


def test_a_token_is_signed_by_its_issuer_over_header_and_claims() -> None:
    seed, subject = new_seed("account"), public_key(new_seed("user"))
    jwt = signed("user", subject=subject, name="nod_1", issuer_seed=seed, issued_at=1_700_000_000, body={"subs": -1})
    header, claims, signature = _parts(jwt)
    assert json.loads(header) == {"typ": "JWT", "alg": "ed25519-nkey"}
    told = json.loads(claims)
    assert told.pop("jti")
    assert told == {
        "iat": 1_700_000_000,
        "iss": public_key(seed),
        "name": "nod_1",
        "sub": subject,
        "nats": {"subs": -1, "type": "user", "version": 2},
    }
    assert nkeys.from_seed(bytearray(seed.encode())).verify(jwt.rpartition(".")[0].encode(), signature)


def test_the_token_id_tells_contents_apart_and_nothing_else() -> None:
    seed, subject = new_seed("account"), public_key(new_seed("user"))

    def token_id(name: str) -> str:
        jwt = signed("user", subject=subject, name=name, issuer_seed=seed, issued_at=1, body={})
        return str(json.loads(_parts(jwt)[1])["jti"])

    assert token_id("a") == token_id("a") != token_id("b")


@pytest.mark.parametrize(("kind", "letter"), [("operator", "O"), ("account", "A"), ("user", "U")])
def test_keys_of_each_kind_begin_with_its_letter_and_are_known_by_their_checksum(kind: KeyKind, letter: str) -> None:
    seed = new_seed(kind)
    public = public_key(seed)
    assert (seed[:2], public[0]) == (f"S{letter}", letter)
    assert is_public_key(public, kind)
    mistyped = public[:20] + ("B" if public[20] == "A" else "A") + public[21:]
    assert not is_public_key(mistyped, kind)
    assert not is_public_key(seed, kind)
    assert not is_public_key(public[:-1], kind)
    assert not is_public_key(letter + "!" * 55, kind)


def test_a_key_of_another_kind_is_no_user_key() -> None:
    assert not is_public_key(public_key(new_seed("account")), "user")
