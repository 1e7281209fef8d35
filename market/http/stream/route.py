"""`WS /v1/stream`: who comes in."""

from __future__ import annotations

from fastapi import APIRouter, WebSocket

from common.errors import InvalidInput, NestexError, Unauthenticated
from market.http.auth import counted_caller
from market.http.problems import problem_response
from market.http.services import Services
from market.http.stream.connection import Connection

ADDRESS = "/v1/stream"
_SCHEME = "bearer "

router = APIRouter()


@router.websocket(ADDRESS)
async def stream(websocket: WebSocket) -> None:
    """The stream of changes. A key in the header `Authorization` is checked before the connection is upgraded."""
    market: Services = websocket.app.state.services
    try:
        key = await _key(websocket, market)
    except NestexError as error:
        await websocket.send_denial_response(problem_response(error))
        return
    await websocket.accept()
    await Connection(websocket, market).run(key)


async def _key(websocket: WebSocket, market: Services) -> str | None:
    """The key that the request came with, checked; None when it is to come as a message."""
    for name in websocket.query_params:
        raise InvalidInput("unknown_field", "this call knows no query parameters", field=name)
    header = websocket.headers.get("authorization")
    if header is None:
        return None
    if not header.lower().startswith(_SCHEME):
        raise Unauthenticated("key_missing", "this call needs the header Authorization: Bearer <key>")
    key = header[len(_SCHEME) :].strip()
    await counted_caller(market, key)
    return key
