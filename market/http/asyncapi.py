"""The AsyncAPI document of the stream, made from the same models that speak on it.

Source: the AsyncAPI Specification, version 3.0.0.
"""

from __future__ import annotations

from typing import Any, get_args

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from market.http.stream.messages import ClientMessage, ServerMessage
from market.http.stream.route import ADDRESS

_CHANNEL = {"$ref": "#/channels/stream"}
_SCHEMAS = "#/components/schemas/{model}"
_DESCRIPTION = """
Changes as they are committed. Authenticate with the header `Authorization: Bearer <key>` or, where none can be set,
with `authenticate` as the first message; then subscribe to channels: `book:{instrument}`, `trades:{instrument}`,
`orders`, `contracts`, `account`.

Each change has a `sequence` in the `stream` that is named beside it, and the `previous_sequence` of the message before.
Whoever comes back names in `after` what was heard last of each stream, and misses nothing. A heartbeat tells every ten
seconds how far each channel has come. The market closes with 4401 (key_missing, key_invalid), 4408 (reader_too_slow),
4429 (too_many_requests, too_many_streams) or 1011.
"""


def install(app: FastAPI) -> None:
    """Serve the document at `/asyncapi.json`."""
    made = document(app.version)

    @app.get("/asyncapi.json", include_in_schema=False)
    async def asyncapi() -> dict[str, Any]:
        return made


def document(version: str) -> dict[str, Any]:
    """The document, of this version of the product."""
    said, heard = _models(ClientMessage), _models(ServerMessage)
    _, definitions = models_json_schema(
        [(model, "validation") for model in said] + [(model, "serialization") for model in heard],
        ref_template=_SCHEMAS,
    )
    names = [model.__name__ for model in (*said, *heard)]
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Nestex stream", "version": version, "description": _DESCRIPTION},
        "defaultContentType": "application/json",
        "channels": {
            "stream": {
                "address": ADDRESS,
                "description": "One WebSocket for all channels of a participant.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
                "bindings": {"ws": {"method": "GET"}},
            }
        },
        "operations": {
            "ask": _operation("receive", "What a client says.", said),
            "tell": _operation("send", "What the market says.", heard),
        },
        "components": {
            "messages": {model.__name__: _message(model) for model in (*said, *heard)},
            "schemas": definitions["$defs"],
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "an API key"}},
        },
    }


def _models(union: Any) -> list[type[BaseModel]]:
    return [model for part in get_args(union) for model in (_models(part) or [part])]


def _operation(action: str, summary: str, models: list[type[BaseModel]]) -> dict[str, Any]:
    messages = [{"$ref": f"#/channels/stream/messages/{model.__name__}"} for model in models]
    return {"action": action, "channel": _CHANNEL, "summary": summary, "messages": messages}


def _message(model: type[BaseModel]) -> dict[str, Any]:
    name = model.__name__
    summary = (model.__doc__ or "").strip().partition("\n")[0]
    return {"name": name, "title": name, "summary": summary, "payload": {"$ref": _SCHEMAS.format(model=name)}}
