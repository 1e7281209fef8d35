"""A route that reads requests strictly: only queries that it knows, only JSON that can be read in one way.

Source: RFC 8259, sections 4 and 8.1: what a repeated name means is left open there, and JSON is UTF-8.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from common.errors import InvalidInput
from market.http.idempotency import METHODS, once

_JSON = "application/json"
_DEEPEST = 32


class _ParsedRequest(Request):
    """A request whose body has been parsed already. Then its media type has been checked as well, and the framework,
    which would take it for an e-mail's, does not see it."""

    parsed: Any = None

    async def json(self) -> Any:
        return self.parsed

    def hide_media_type(self) -> None:
        """The body is JSON, also for whoever looks at the headers from now on."""
        self.scope["headers"] = [header for header in self.scope["headers"] if header[0] != b"content-type"]
        del self._headers


class StrictRoute(APIRoute):
    """Refuses, before anything of the request is used: unknown queries, bodies that are no JSON or that are ambiguous.

    Raises InvalidInput (`unknown_field`, `unsupported_media_type`, `malformed_body`, `duplicate_field`,
    `body_too_deep`, `invalid_field`).
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler behind our checks."""
        answer = super().get_route_handler()
        known = _queries(self.dependant)
        takes_body = self.body_field is not None

        async def strictly(request: _ParsedRequest) -> Response:
            for name in request.query_params:
                if name not in known:
                    raise InvalidInput("unknown_field", "this call does not know this query parameter", field=name)
            if takes_body:
                request.parsed = await json_body(request)
                request.hide_media_type()
            return await answer(request)

        async def read(request: Request) -> Response:
            return await strictly(_ParsedRequest(request.scope, request.receive))

        async def write(request: Request) -> Response:
            own = _ParsedRequest(request.scope, request.receive)
            return await once(own, lambda: strictly(own))

        return write if METHODS.intersection(self.methods or ()) else read


def _queries(dependant: Dependant) -> set[str]:
    """The query parameters of a route and of all that it depends on."""
    own = {field.alias for field in dependant.query_params}
    return own.union(*(_queries(inner) for inner in dependant.dependencies))


async def json_body(request: Request) -> Any:
    """The value in the request's body. Raises InvalidInput, see StrictRoute."""
    body = await request.body()
    if not body:
        raise InvalidInput("malformed_body", "this call needs a body: a JSON object")
    _check_media_type(request)
    return parse(body)


def parse(body: bytes) -> Any:
    """The value in the JSON text. Raises InvalidInput, see StrictRoute."""
    try:
        value = _DECODER.decode(body.decode())
    except json.JSONDecodeError as error:
        raise InvalidInput("malformed_body", f"the body is no JSON: {error}") from error
    except UnicodeDecodeError as error:
        raise InvalidInput("malformed_body", "the body is no UTF-8 text") from error
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:  # what Python says of an integer with thousands of digits
        raise InvalidInput("invalid_field", "a number in the body has too many digits") from error
    if body.count(b"{") + body.count(b"[") > _DEEPEST:  # most bodies have too few brackets to be deep
        _check_depth(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInput("duplicate_field", "an object names this field twice", field=twice)
    return value


def _constant(name: str) -> None:
    raise InvalidInput("malformed_body", f"the body is no JSON: {name} is no number")


def _check_depth(value: Any) -> None:
    """Layer by layer, so that the check itself cannot run too deep."""
    layer = [value]
    for _ in range(_DEEPEST):
        layer = [inner for outer in layer for inner in _inside(outer)]
        if not layer:
            return
    raise _too_deep()


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [inner for inner in value.values() if isinstance(inner, dict | list)]
    return [inner for inner in value if isinstance(inner, dict | list)] if isinstance(value, list) else []


def _too_deep() -> InvalidInput:
    return InvalidInput("body_too_deep", "the body's values lie too deep inside each other", limit=_DEEPEST)


def _check_media_type(request: Request) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _JSON:
        raise InvalidInput(
            "unsupported_media_type", f"the body must come as Content-Type: {_JSON}", field="content-type", limit=_JSON
        )


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
"""One for all: the making of it would cost more than the reading of an order."""
