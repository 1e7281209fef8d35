"""The OpenAPI document: what the framework writes, put right where it does not know our answers.

Problems have a media type of their own, any call may meet a fault of ours or a database that is away, any query may
hold a name that we do not know, and any body may be too large or of another media type.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from market.http.problems import MEDIA_TYPE, documented

_PROBLEM = {"$ref": "#/components/schemas/ProblemDetails"}
ANYWHERE = documented(422, 500, 503)
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
    for path in made["paths"].values():
        for operation in path.values():
            if "requestBody" in operation:
                for status in _WITH_A_BODY:
                    operation["responses"][str(status)] = {"description": "a problem"}
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    response["content"] = {MEDIA_TYPE: {"schema": _PROBLEM}}
            operation["responses"] = dict(sorted(operation["responses"].items()))
    return made
