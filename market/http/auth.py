"""Who is calling, and whether the key's scopes allow it: dependencies for routes."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.base import SecurityBase

from common.errors import Forbidden, Unauthenticated
from market.http.services import Services, services_of
from market.participants.keys import Caller

BUCKET = "nestex.bucket"
"""Where a request's scope has the bucket of its key."""
_CALLER = "nestex.caller"
_bearer = HTTPBearer(auto_error=False, description="an API key, as it was shown at its creation")


async def caller(request: Request, credentials: HTTPAuthorizationCredentials | None) -> Caller:
    """The caller of this request, which is counted once. Raises Unauthenticated, and Busy for one call too many."""
    if credentials is None:
        raise Unauthenticated("key_missing", "this call needs the header Authorization: Bearer <key>")
    scope = request.scope
    if _CALLER in scope:
        who: Caller = scope[_CALLER]
        return who
    services = services_of(request)
    who = scope[_CALLER] = await known_caller(services, credentials.credentials)
    bucket = scope[BUCKET] = services.limits.bucket(who.key)
    services.limits.take(bucket)
    return who


async def counted_caller(services: Services, text: str) -> Caller:
    """Who this key speaks for, one call of whom is counted. Raises Unauthenticated, and Busy for one call too many."""
    who = await known_caller(services, text)
    services.limits.take(services.limits.bucket(who.key))
    return who


async def known_caller(services: Services, text: str) -> Caller:
    """Who this key speaks for. Raises Unauthenticated."""
    known = services.keys.known(text)
    return await asyncio.to_thread(services.keys.check, text) if known is None else known


async def bearer(request: Request) -> HTTPAuthorizationCredentials | None:
    """The key that the request came with, unchecked."""
    return await _bearer(request)


def require(who: Caller, scope: str) -> None:
    """Raises Forbidden unless the caller's key carries this scope: for what depends on the request's content."""
    if scope not in who.scopes:
        raise Forbidden("scope_missing", f"this call needs a key with the scope {scope}", limit=scope)


def require_any(who: Caller, *scopes: str) -> None:
    """Raises Forbidden unless the caller's key carries one of these scopes."""
    if who.scopes.isdisjoint(scopes):
        wanted = " or ".join(scopes)
        raise Forbidden("scope_missing", f"this call needs a key with the scope {wanted}", limit=wanted)


async def authorized(request: Request, *scopes: str) -> Caller:
    """The caller of this request, whose key carries one of these scopes. Raises Forbidden, and what `caller` raises."""
    who = await caller(request, await bearer(request))
    require_any(who, *scopes)
    return who


class Scoped(SecurityBase):
    """A dependency: the caller, whose key must carry one of these scopes. Raises Forbidden, and what `caller` raises.

    One dependency instead of one on top of another: the framework takes longer over each than we do over all.
    """

    model = _bearer.model
    scheme_name = _bearer.scheme_name

    def __init__(self, *scopes: str) -> None:
        self._scopes = scopes

    async def __call__(self, request: Request) -> Caller:
        """The caller of this request."""
        return await authorized(request, *self._scopes)


READING = ("read", "trade", "provide", "finance", "operate")
SELLING = ("trade", "provide")
FINANCE = ("finance", "read")

Reading = Annotated[Caller, Depends(Scoped(*READING))]
Trading = Annotated[Caller, Depends(Scoped("trade"))]
Selling = Annotated[Caller, Depends(Scoped(*SELLING))]
Providing = Annotated[Caller, Depends(Scoped("provide"))]
Finance = Annotated[Caller, Depends(Scoped(*FINANCE))]
Paying = Annotated[Caller, Depends(Scoped("finance"))]
Operating = Annotated[Caller, Depends(Scoped("operate"))]
