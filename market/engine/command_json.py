"""Commands as they come over the bus, and placements as the journal keeps them: parsed JSON back into what it was."""

from __future__ import annotations

from typing import Any

from common import codec
from common.errors import InvalidInput
from market.engine.commands import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    Command,
    EndContract,
    Expire,
    PlaceAsk,
    PlaceBid,
    PlaceGroup,
    Placement,
    PreviewOrder,
    RescaleContract,
)

_KINDS: dict[str, type[Any]] = {
    "place_bid": PlaceBid,
    "place_ask": PlaceAsk,
    "place_group": PlaceGroup,
    "amend": AmendOrder,
    "cancel": CancelOrder,
    "cancel_all": CancelAll,
    "expire": Expire,
    "end_contract": EndContract,
    "rescale": RescaleContract,
}


def command_from_json(value: Any) -> Command:
    """The command in parsed JSON. Raises InvalidInput (`message_malformed`)."""
    name = value.get("kind") if isinstance(value, dict) else None
    if name == "preview":
        return PreviewOrder(_placed(value.get("placement"), PlaceBid, PlaceAsk, PlaceGroup))
    kind = _KINDS.get(str(name))
    if kind is None:
        raise InvalidInput("message_malformed", "this is no command of the engine", field="kind")
    command: Command = codec.from_json(kind, value)
    return command


def placement_from_json(value: Any) -> Placement:
    """The placement in parsed JSON. Raises InvalidInput (`message_malformed`)."""
    placement: Placement = _placed(value, PlaceBid, PlaceAsk)
    return placement


def _placed(value: Any, *kinds: type[Any]) -> Any:
    command = command_from_json(value)
    if not isinstance(command, kinds):
        raise InvalidInput("message_malformed", "this is no order to place", field="placement")
    return command
