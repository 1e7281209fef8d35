"""The client of the HTTP API: where the market is, who we are, and problems turned back into errors."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from common import errors
from common.errors import ERROR_CODES, NestexError, NotFound, Unauthenticated, Unavailable

DEFAULT_URL = "http://127.0.0.1:8780"

_BY_STATUS: dict[int, type[NestexError]] = {
    401: errors.Unauthenticated,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    429: errors.Busy,
}
_ANSWER_SECONDS = 45.0
"""Longer than the market is asked to wait for a guest at most, which is `--wait 30`."""
_PLACEMENTS = ("/v1/orders", "/v1/orders/batch", "/v1/orders/exclusive")
"""Orders are made once by their client_order_id instead."""


class MarketClient:
    """Calls of `/v1`, as one participant. `NESTEX_URL` and `NESTEX_API_KEY` say where and who."""

    def __init__(self, url: str, key: str | None) -> None:
        self.url = url
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=_ANSWER_SECONDS, trust_env=False)

    @classmethod
    def from_environment(cls) -> MarketClient:
        """Raises Unauthenticated when there is no key to call with."""
        return cls(*address_and_key())

    def get(self, path: str, **query: Any) -> Any:
        """The parsed answer. Raises the error that the market answered with, or Unavailable."""
        return self._call("GET", path, params=query).json()

    def post(self, path: str, body: Any = None) -> Any:
        """See `get`."""
        return self._call("POST", path, json=body).json()

    def patch(self, path: str, body: Any) -> Any:
        """See `get`."""
        return self._call("PATCH", path, json=body).json()

    def put(self, path: str, body: Any) -> Any:
        """See `get`."""
        return self._call("PUT", path, json=body).json()

    def delete(self, path: str, **query: Any) -> Any:
        """See `get`."""
        response = self._call("DELETE", path, params=query)
        return response.json() if response.content else None

    def save(self, path: str, file: Path, media_type: str = "*/*", **query: Any) -> None:
        """The answer's bytes as a file, written as they arrive; only a whole one replaces one that is there."""
        accept = {"Accept": media_type}
        file.parent.mkdir(parents=True, exist_ok=True)
        arriving = file.with_name(f".{file.name}.part")
        try:
            with (
                self._http.stream("GET", path, params=query, headers=accept) as response,
                arriving.open("wb") as written,
            ):
                if not response.is_success:
                    response.read()
                    raise problem_error(response.status_code, response.content)
                for piece in response.iter_bytes():
                    written.write(piece)
            arriving.replace(file)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        finally:
            arriving.unlink(missing_ok=True)

    def pages(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Every item of a list, page by page."""
        after = ""
        while True:
            page = self.get(path, after=after, limit=500, **query)
            yield from page["items"]
            if page["next"] is None:
                return
            after = page["next"]

    def close(self) -> None:
        """Let the connections go."""
        self._http.close()

    def _call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Writes go under an Idempotency-Key, so that one whose answer was lost on the way can be sent again."""
        is_safe_twice = method != "GET" and path not in _PLACEMENTS
        if is_safe_twice:
            arguments["headers"] = {"Idempotency-Key": secrets.token_urlsafe(18)}
        try:
            response = self._http.request(method, path, **arguments)
        except httpx.RemoteProtocolError as error:
            if not is_safe_twice:
                raise self._unreachable(error) from error
            response = self._again(method, path, **arguments)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        if response.is_success:
            return response
        raise problem_error(response.status_code, response.content)

    def _again(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: httpx.HTTPError) -> Unavailable:
        return Unavailable("market_unreachable", f"no answer from {self._http.base_url}: {error}")


def address_and_key() -> tuple[str, str]:
    """Where the market is, and who we are. Raises Unauthenticated when there is no key to call with."""
    key = os.environ.get("NESTEX_API_KEY")
    if not key:
        raise Unauthenticated("key_missing", "set NESTEX_API_KEY to your API key")
    return os.environ.get("NESTEX_URL", DEFAULT_URL), key


def problem_error(status: int, body: bytes | None) -> NestexError:
    """The error in an answer of this status."""
    try:
        problem = json.loads(body or b"")
        code, detail = problem["code"], problem["detail"]
    except (ValueError, KeyError, TypeError):
        return Unavailable("market_unreachable", f"the market answered {status}")
    if code not in ERROR_CODES:
        return NotFound("not_found", detail)
    kind = Unavailable if status >= 500 else _BY_STATUS.get(status, errors.InvalidInput)
    return kind(code, detail, field=problem.get("field"), limit=problem.get("limit"))
