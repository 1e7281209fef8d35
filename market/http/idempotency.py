"""Writes with the header `Idempotency-Key`: run once, and answered the same way ever after.

Source: the IETF draft "The Idempotency-Key HTTP Header Field" (draft-ietf-httpapi-idempotency-key-header): another
request under the same key is answered 422, one that comes while the first is running 409. Orders have their own name
for the same, `client_order_id`. Answers may hold what is shown once, so they are kept sealed with the caller's own key,
which the market does not have.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections.abc import Awaitable, Callable

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from nacl.secret import SecretBox
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from common.errors import InvalidInput, NestexError
from market.http.auth import bearer, caller
from market.http.problems import problem_response, validation_response
from market.http.services import RUNNING, services_of
from market.participants.idempotency import FIELD, Claim, KeptAnswer, call_of, claim, give_up, keep
from runtime.database import transaction

log = logging.getLogger("nestex.http")

METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
PLACEMENTS = frozenset({"/v1/orders", "/v1/orders/batch", "/v1/orders/exclusive"})
"""Addresses to which orders are posted."""
PATTERN = r"^[\x21\x23-\x5b\x5d-\x7e]{1,255}$"
HEADER = FIELD.lower()
_KEY = re.compile(PATTERN)


async def once(request: Request, answer: Callable[[], Awaitable[Response]]) -> Response:
    """What `answer` gives, or gave when this call came first. Errors that changed nothing are answers too."""
    text = request.headers.get(HEADER)
    if text is None or request.method not in METHODS:
        return await answer()
    key = _key(text)
    if request.method == "POST" and request.url.path in PLACEMENTS:
        raise InvalidInput("invalid_field", "orders are made once by their client_order_id", field=FIELD)
    credentials = await bearer(request)
    if credentials is None:
        return await answer()
    who = await caller(request, credentials)
    call = call_of(who, key, await _digest(request))
    database, box = services_of(request).database, _box(credentials.credentials, key)
    claimed = await asyncio.to_thread(transaction, database, lambda connection: claim(connection, call))
    if isinstance(claimed, KeptAnswer):
        return Response(box.decrypt(claimed.sealed_body), claimed.status, media_type=claimed.media_type)
    try:
        response = await _run(claimed, answer)
    except BaseException:
        await asyncio.to_thread(transaction, database, lambda connection: give_up(connection, claimed))
        raise
    await asyncio.to_thread(_finish, database, claimed, response, box)
    return response


def _finish(database: Engine, claimed: Claim, response: Response, box: SecretBox) -> None:
    """What the database does not take now costs the answer to a repetition, not this one."""
    try:
        if response.status_code >= 500:
            transaction(database, lambda connection: give_up(connection, claimed))
            return
        sealed = bytes(box.encrypt(bytes(response.body)))
        kept = KeptAnswer(response.status_code, response.headers.get("content-type"), sealed)
        transaction(database, lambda connection: keep(connection, claimed, kept))
    except DBAPIError as error:
        log.warning("the answer to an Idempotency-Key is not kept: %s", error)


async def _run(claimed: Claim, answer: Callable[[], Awaitable[Response]]) -> Response:
    """The answer, made under the claim; of what is wrong with the request too."""
    token = RUNNING.set(claimed)
    try:
        return await answer()
    except NestexError as error:
        return problem_response(error)
    except RequestValidationError as error:
        return validation_response(error.errors())
    finally:
        RUNNING.reset(token)


def _key(text: str) -> str:
    """The key in the header: a string of structured fields, in quotes, or the same without them."""
    key = text.strip()
    if len(key) > 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not _KEY.fullmatch(key):
        message = "an Idempotency-Key has 1 to 255 visible ASCII characters, without quotes or backslashes inside"
        raise InvalidInput("invalid_field", message, field=FIELD, limit=255)
    return key


async def _digest(request: Request) -> bytes:
    """Of all that is asked for."""
    address = f"{request.method} {request.url.path}?{request.url.query}\n"
    return hashlib.sha256(address.encode(errors="surrogatepass") + await request.body()).digest()


def _box(bearer_key: str, key: str) -> SecretBox:
    secret = hashlib.sha256(f"answer under an Idempotency-Key\n{key}\n{bearer_key}".encode())
    return SecretBox(secret.digest())
