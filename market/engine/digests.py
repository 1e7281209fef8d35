"""What tells a retry from another order under the same client_order_id: a digest of all that the caller chose."""

from __future__ import annotations

import hashlib
from typing import Any

from market.engine.commands import NOTHING, PlaceGroup, Placement
from runtime import quick_json

_LATER: dict[str, Any] = {
    "replace_on_failure": False,
    "replaces": None,
    "grows": None,
    "contract": None,
    "linked": False,
    "keep": quick_json.plain(NOTHING),
}
"""Fields that placements have got since the first digests: as they were before, they leave a digest as it was."""


def content_sha256(placement: Placement) -> str:
    """A digest, in hexadecimal, of all that the caller chose: a retry has the same one, though its order id is
    fresh."""
    return _sha256(quick_json.text(_chosen(placement)))


def group_sha256(group: PlaceGroup) -> list[str]:
    """The digest of each bid: of its place and all bids of the group, because to come with others is to be another."""
    bids = quick_json.text([_chosen(bid) for bid in group.bids])
    return [_sha256(f'{{"place":{place},"bids":{bids}}}') for place in range(len(group.bids))]


def _chosen(placement: Placement) -> dict[str, Any]:
    chosen = quick_json.plain(placement) | {"order": ""}
    return {name: value for name, value in chosen.items() if name not in _LATER or value != _LATER[name]}


def _sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()
