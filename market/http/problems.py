"""Errors as RFC 9457 problem details: the one place where error classes meet HTTP statuses."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from starlette.exceptions import HTTPException

from common.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NestexError,
    NotFound,
    Refused,
    Unauthenticated,
    Unavailable,
)

log = logging.getLogger("nestex.http")

MEDIA_TYPE = "application/problem+json"

_STATUSES: dict[type[NestexError], tuple[int, str]] = {
    InvalidInput: (422, "The request is wrong"),
    Unauthenticated: (401, "Not authenticated"),
    Forbidden: (403, "Not allowed"),
    NotFound: (404, "Not found"),
    Conflict: (409, "Conflict"),
    Refused: (422, "Refused by a rule of the market"),
    Unavailable: (503, "No answer"),
}
_CODE_BY_STATUS = {404: "not_found", 405: "method_not_allowed", 400: "malformed_body", 413: "body_too_large"}
_CODE_BY_VALIDATION = {
    "missing": "missing_field",
    "union_tag_not_found": "missing_field",
    "extra_forbidden": "unknown_field",
    "json_invalid": "malformed_body",
}
_PLAINER = {
    "string_pattern_mismatch": "it is not written in the form that this field has",
    "string_type": "it must be a string, in quotes",
}
_LIMITS = ("expected_tags", "le", "lt", "ge", "gt", "max_length", "min_length", "pattern", "expected")


class ProblemDetails(BaseModel):
    """RFC 9457, with a stable `code`, the `field` and the `limit` that was broken."""

    type: str = Field(description="a name for the kind of problem", examples=["urn:nestex:problem:off_tick"])
    title: str
    status: int
    detail: str = Field(description="what is wrong, in a sentence for people")
    code: str = Field(description="what is wrong, for programs; never changes its meaning")
    field: str | None = Field(default=None, description="the field of the request that is concerned")
    limit: str | int | None = Field(default=None, description="the limit that the field broke")


def install(app: FastAPI) -> None:
    """Answer every error of this app as a problem."""
    app.add_exception_handler(NestexError, _nestex)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DBAPIError, _database)
    app.add_exception_handler(Exception, _unexpected)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that can answer with problems of these statuses."""
    return {
        status: {"model": ProblemDetails, "content": {MEDIA_TYPE: {}}, "description": "a problem"}
        for status in statuses
    }


def problem_response(error: NestexError, status: int | None = None) -> JSONResponse:
    """The answer for an error of ours, with the status of its class or, where HTTP has a better one, with that."""
    usual, title = next(answer for kind, answer in _STATUSES.items() if isinstance(error, kind))
    return _answer(status or usual, title, error.code, error.message, error.field, error.limit)


async def _nestex(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, NestexError)
    return problem_response(error)


async def _validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    code = _CODE_BY_VALIDATION.get(first["type"], "invalid_field")
    path = [str(part) for part in first["loc"] if part not in ("body", "query", "path", "bid", "ask")]
    context = first.get("ctx", {})
    if "discriminator" in context:
        path.append(context["discriminator"].strip("'"))
    field = None if code == "malformed_body" else ".".join(path) or None
    limit = next((str(context[name]) for name in _LIMITS if name in context), None)
    problem = _PLAINER.get(first["type"], first["msg"])
    return _answer(422, "The request is wrong", code, f"{field or 'the body'}: {problem}", field, limit)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = _CODE_BY_STATUS.get(error.status_code, "invalid_field")
    return _answer(
        error.status_code, "The request is wrong", code, str(error.detail), headers=dict(error.headers or {})
    )


async def _database(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, IntegrityError):
        log.warning("two calls wanted the same thing: %s", error)
        return problem_response(Conflict("already_exists", "something with this name or number exists already"))
    if isinstance(error, DataError):
        log.warning("a value that passed its checks and does not fit the database: %s", error)
        return problem_response(InvalidInput("invalid_field", "a value does not fit its type"))
    log.error("the database failed: %s", error)
    return problem_response(Unavailable("database_unavailable", "the database did not answer; try again"))


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.exception("a request failed", exc_info=error)
    return _answer(500, "A fault of ours", "internal_error", "the market failed on this request; it has been logged")


def _answer(
    status: int,
    title: str,
    code: str,
    detail: str,
    field: str | None = None,
    limit: str | int | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    body = ProblemDetails(
        type=f"urn:nestex:problem:{code}",
        title=title,
        status=status,
        detail=detail,
        code=code,
        field=field,
        limit=limit,
    )
    headers = {**(headers or {}), **({"WWW-Authenticate": "Bearer"} if status == 401 else {})}
    return JSONResponse(body.model_dump(), status, headers, MEDIA_TYPE)
