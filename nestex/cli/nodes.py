"""Commands of a provider: its nodes, and the line that starts a node's agent."""

from __future__ import annotations

from typing import Annotated

import typer

from nestex.cli.client import MarketClient
from nestex.cli.output import AsJson, show, show_one

_COLUMNS = ("id", "name", "zone", "state", "vcpus", "memory_mib", "disk_gib", "reserved_until", "agent_version")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(nodes)
    app.command()(enrol)


def nodes(as_json: AsJson = False) -> None:
    """Your nodes."""
    rows = list(MarketClient.from_environment().pages("/v1/nodes"))
    if not as_json:
        rows = [row | row["offered"] for row in rows]
    show(rows, _COLUMNS, as_json=as_json)


def enrol(node: Annotated[str, typer.Argument(help="id of your node")], as_json: AsJson = False) -> None:
    """A one-time token with which the node's agent joins the market."""
    show_one(MarketClient.from_environment().post(f"/v1/nodes/{node}/enrolment"), as_json=as_json)
