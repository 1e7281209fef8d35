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
    app.command("node-status")(node_status)


def nodes(as_json: AsJson = False) -> None:
    """Your nodes."""
    rows = list(MarketClient.from_environment().pages("/v1/nodes"))
    if not as_json:
        rows = [row | row["offered"] for row in rows]
    show(rows, _COLUMNS, as_json=as_json)


def node_status(node: Annotated[str, typer.Argument(help="id of your node")], as_json: AsJson = False) -> None:
    """What the node's agent says now: its hypervisor, and its guests."""
    told = MarketClient.from_environment().get(f"/v1/nodes/{node}/status")
    if as_json:
        show_one(told, as_json=True)
        return
    show_one({name: value for name, value in told.items() if name != "guests"}, as_json=False)
    rows = [{"contract": contract, "state": state} for contract, state in told["guests"].items()]
    show(rows, ("contract", "state"), as_json=False)


def enrol(node: Annotated[str, typer.Argument(help="id of your node")], as_json: AsJson = False) -> None:
    """A one-time token with which the node's agent joins the market."""
    show_one(MarketClient.from_environment().post(f"/v1/nodes/{node}/enrolment"), as_json=as_json)
