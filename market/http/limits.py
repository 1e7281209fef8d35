"""What no request may bring: a body above the limit, declared or not, or the character NUL, which PostgreSQL cannot
hold. What every answer tells: how many requests the caller's key has left."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.errors import InvalidInput
from market.http.auth import BUCKET
from market.http.problems import problem_response
from market.http.rate_limits import RateLimiter

LARGEST_BODY_BYTES = 256 * 1024
LARGER_BODIES = {"/v1/orders/batch": 2 * 1024 * 1024}
"""Addresses that take more."""


class RequestLimits:
    """ASGI middleware in front of the app."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the whole body in, at most so much, and hand it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            error = InvalidInput("invalid_field", "the address has the character NUL in it", field="path")
            await problem_response(error)(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        limit = LARGER_BODIES.get(scope["path"], LARGEST_BODY_BYTES)
        body = await _take(receive, limit) if declared.isdigit() and int(declared) <= limit else None
        if body is None:
            error = InvalidInput("body_too_large", "the body is too large for this call", limit=f"{limit} bytes")
            await problem_response(error)(scope, receive, send)
            return
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return waiting.pop() if waiting else await receive()

        async def telling(message: Message) -> None:
            bucket = scope.get(BUCKET)
            if bucket is not None and message["type"] == "http.response.start":
                limits: RateLimiter = scope["app"].state.services.limits
                message["headers"] += [(b"ratelimit-policy", limits.policy), (b"ratelimit", limits.told(bucket))]
            await send(message)

        await self.app(scope, replay, telling)


async def _take(receive: Receive, limit: int) -> bytes | None:
    """The body, or None when it has more than `limit` bytes."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)
