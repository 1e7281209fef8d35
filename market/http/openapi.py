"""The OpenAPI document: what the framework writes, put right where it does not know our answers.

Problems have a media type of their own, any call may meet a fault of ours or a database that is away, any query may
hold a name that we do not know, and any body may be too large or of another media type.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from market.http.idempotency import METHODS, PATTERN, PLACEMENTS
from market.http.problems import MEDIA_TYPE, documented
from market.participants.idempotency import FIELD

_PROBLEM = {"$ref": "#/components/schemas/ProblemDetails"}
ANYWHERE = documented(422, 500, 503)
_IDEMPOTENCY_KEY = {
    "name": FIELD,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": PATTERN, "maxLength": 255},
    "description": "a name of yours for this call: the same one again, for the same request, is not run again within"
    " 24 hours but gets the same answer; for another request it is refused",
}
_RATE_LIMIT = {
    "RateLimit-Policy": {"schema": {"type": "string"}, "description": "requests of a key (q) in so many seconds (w)"},
    "RateLimit": {
        "schema": {"type": "string"},
        "description": "requests left (r); all are back in t seconds",
    },
}
_RETRY_AFTER = {"schema": {"type": "string"}, "description": "real seconds"}
_WITH_A_BODY = (413, 415)


def install(app: FastAPI) -> None:
    """Serve the document at `/openapi.json`."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # the way that the framework documents


def _document(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    for address, path in made["paths"].items():
        for method, operation in path.items():
            if method.upper() in METHODS and address not in PLACEMENTS and "security" in operation:
                operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
                operation["responses"].setdefault("409", {"description": "a problem"})
            if "security" in operation:
                operation["responses"].setdefault("429", {"description": "a problem"})
                for response in operation["responses"].values():
                    response["headers"] = _RATE_LIMIT | response.get("headers", {})
                operation["responses"]["429"]["headers"]["Retry-After"] = _RETRY_AFTER
            if "requestBody" in operation:
                for status in _WITH_A_BODY:
                    operation["responses"][str(status)] = {"description": "a problem"}
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    response["content"] = {MEDIA_TYPE: {"schema": _PROBLEM}}
            operation["responses"] = dict(sorted(operation["responses"].items()))
    return made
