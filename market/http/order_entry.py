"""The way of one order: a POST that places it goes past the framework's layers, which cost more than the market itself.

Nothing else is different there: the same checks in the same order, the same use case, the same answer. The route in
`market.http.routes.orders` describes the call, and takes what is not plain: queries and Idempotency-Keys, to refuse
them.
"""

from __future__ import annotations

from fastapi import Request, Response
from pydantic import TypeAdapter, ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from market.http.auth import SELLING, authorized
from market.http.idempotency import HEADER
from market.http.order_answers import Order
from market.http.order_requests import AskRequest, BidRequest, OrderRequest
from market.http.problems import answer_to, validation_response
from market.http.routes.orders import place
from market.http.services import services_of
from market.http.strict_route import json_body

_ADDRESS = "/v1/orders"
_IDEMPOTENCY_KEY = HEADER.encode()
_REQUEST: TypeAdapter[BidRequest | AskRequest] = TypeAdapter(OrderRequest)
_ANSWER = TypeAdapter(Order)


class OrderEntry:
    """ASGI middleware, innermost of ours."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a plain placement; hand on everything else."""
        if scope["type"] != "http" or scope["path"] != _ADDRESS or not _is_plain_post(scope):
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await _placed(request)
        except ValidationError as error:
            response = validation_response(error.errors())
        except Exception as error:  # as the framework's outermost layer does
            response = await answer_to(request, error)
        await response(scope, receive, send)


async def _placed(request: Request) -> Response:
    content = await json_body(request)
    who = await authorized(request, *SELLING)
    body = _REQUEST.validate_python(content, from_attributes=True)
    order = await place(body, who, services_of(request))
    return Response(_ANSWER.dump_json(order), 201, media_type="application/json")


def _is_plain_post(scope: Scope) -> bool:
    if scope["method"] != "POST" or scope["query_string"]:
        return False
    return all(name != _IDEMPOTENCY_KEY for name, _ in scope["headers"])
