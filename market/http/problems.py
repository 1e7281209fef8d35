"""Errors as RFC 9457 problem details: the one place where error classes meet HTTP statuses."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from starlette.exceptions import HTTPException

from common.errors import (
    Busy,
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
    Busy: (429, "Not now"),
    Unavailable: (503, "No answer"),
}
_STATUS_BY_CODE = {"body_too_large": 413, "unsupported_media_type": 415, "idempotency_key_in_use": 409}
"""Where HTTP has a better status than that of the error's class."""
_CODE_BY_STATUS = {404: "not_found", 405: "method_not_allowed", 400: "malformed_body"}
_CODE_BY_VALIDATION = {
    "missing": "missing_field",
    "union_tag_not_found": "missing_field",
    "extra_forbidden": "unknown_field",
}
_PLAINER = {
    "string_pattern_mismatch": "it is not written in the form that this field has",
    "string_type": "it must be a string, in quotes",
    "model_attributes_type": "it must be a JSON object",
    "model_type": "it must be a JSON object",
    "dict_type": "it must be a JSON object",
}
_PLACES = ("body", "query", "path", "header")
_TAGS = ("bid", "ask")
_LONGEST_NAME = 120
_IN_BRACES = re.compile(r"\{[^}]*\}")
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
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)


async def answer_to(request: Request, error: Exception) -> JSONResponse:
    """The answer that an app with these handlers gives to the error."""
    handler = next(handler for kind, handler in _HANDLERS.items() if isinstance(error, kind))
    return await handler(request, error)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that can answer with problems of these statuses."""
    return {status: {"model": ProblemDetails, "description": "a problem"} for status in statuses}


def problem_of(error: NestexError) -> ProblemDetails:
    """The error with the status of its class."""
    status, title = next(answer for kind, answer in _STATUSES.items() if isinstance(error, kind))
    return _problem(_STATUS_BY_CODE.get(error.code, status), title, error.code, error.message, error.field, error.limit)


def problem_of_validation(errors: Sequence[Any]) -> ProblemDetails:
    """The first of pydantic's errors."""
    first = errors[0]
    path = _path(first)
    context = first.get("ctx", {})
    if "discriminator" in context:
        path.append(context["discriminator"].strip("'"))
    field = ".".join(path) or None
    code = "malformed_body" if field is None else _CODE_BY_VALIDATION.get(first["type"], "invalid_field")
    limit = next((str(context[name]) for name in _LIMITS if name in context), None)
    problem = _PLAINER.get(first["type"], first["msg"])
    return _problem(422, "The request is wrong", code, f"{_readable(field) or 'the body'}: {problem}", field, limit)


def _path(error: Any) -> list[str]:
    """Where pydantic's error is, without what its path begins with: the part of the request, and a union's tag."""
    path = [str(part) for part in error["loc"]]
    if path and path[0] in _PLACES:
        path = path[1:]
    is_tag = path and path[0] in _TAGS and (len(path) > 1 or error["type"] not in _CODE_BY_VALIDATION)
    return path[1:] if is_tag else path


def problem_response(error: NestexError) -> JSONResponse:
    """The answer for an error of ours."""
    headers = {"Retry-After": str(error.retry_after_seconds)} if isinstance(error, Busy) else None
    return _answer(problem_of(error), headers)


def validation_response(errors: Sequence[Any]) -> JSONResponse:
    """The answer for what pydantic found."""
    return _answer(problem_of_validation(errors))


async def _nestex(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, NestexError)
    return problem_response(error)


async def _validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return validation_response(error.errors())


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = _CODE_BY_STATUS.get(error.status_code, "invalid_field")
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods(request)) or headers.get("Allow", "")
    return _answer(_problem(error.status_code, "The request is wrong", code, str(error.detail)), headers)


def _methods(request: Request) -> list[str]:
    """All methods of the address, out of the document: the framework names those of the first route that fits."""
    address, paths = request.url.path, request.app.openapi()["paths"]
    fitting = [path for path in paths if re.fullmatch(_IN_BRACES.sub("[^/]+", path), address)]
    if address in fitting:
        fitting = [address]
    return sorted({method.upper() for path in fitting for method in paths[path]})


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
    detail = "the market failed on this request; it has been logged"
    return _answer(_problem(500, "A fault of ours", "internal_error", detail))


_HANDLERS: dict[type[Exception], Callable[[Request, Exception], Coroutine[Any, Any, JSONResponse]]] = {
    NestexError: _nestex,
    RequestValidationError: _validation,
    HTTPException: _http,
    DBAPIError: _database,
    Exception: _unexpected,
}


def _problem(
    status: int, title: str, code: str, detail: str, field: str | None = None, limit: str | int | None = None
) -> ProblemDetails:
    return ProblemDetails(
        type=f"urn:nestex:problem:{code}",
        title=title,
        status=status,
        detail=detail,
        code=code,
        field=_readable(field),
        limit=limit,
    )


def _readable(field: str | None) -> str | None:
    """A field's name may be the caller's invention: of any length, and with halves of characters in it."""
    return None if field is None else field[:_LONGEST_NAME].encode(errors="replace").decode()


def _answer(problem: ProblemDetails, headers: dict[str, str] | None = None) -> JSONResponse:
    headers = {**(headers or {}), **({"WWW-Authenticate": "Bearer"} if problem.status == 401 else {})}
    return JSONResponse(problem.model_dump(), problem.status, headers, MEDIA_TYPE)
