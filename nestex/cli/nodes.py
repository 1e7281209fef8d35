"""Commands of a provider: its nodes, the line that starts a node's agent, and automatic offers."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from nestex.cli.client import MarketClient
from nestex.cli.output import AsJson, console, show, show_one
from nestex.cli.provider import add_node, provider
from nestex.cli.reseller import reseller

_COLUMNS = (
    "id",
    "name",
    "zone",
    "state",
    "draining",
    "vcpus",
    "memory_mib",
    "disk_gib",
    "reserved_until",
    "agent_version",
)

Node = Annotated[str, typer.Argument(help="id of your node")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(invoke_without_command=True, help="Your nodes; without a command, all of them.")
    group.callback()(nodes)
    group.command("reseller")(reseller)
    group.command("add")(add_node)
    group.command("enrol")(enrolment_line)
    group.command("drain")(drain)
    app.add_typer(group, name="nodes")
    app.command()(provider)
    app.command()(enrol)
    app.command("node-status")(node_status)


def nodes(context: typer.Context, as_json: AsJson = False) -> None:
    """Your nodes; without a command, all of them."""
    if context.invoked_subcommand is not None:
        return
    rows = list(MarketClient.from_environment().pages("/v1/nodes"))
    if not as_json:
        rows = [row | row["offered"] for row in rows]
    show(rows, _COLUMNS, as_json=as_json)


def drain(
    node: Node,
    undo: Annotated[bool, typer.Option("--undo", help="sell of it again")] = False,
    as_json: AsJson = False,
) -> None:
    """Sell nothing more of a node; contracts run to their end."""
    client, path = MarketClient.from_environment(), f"/v1/nodes/{node}/drain"
    show_one(client.delete(path) if undo else client.post(path), as_json=as_json)


def node_status(node: Node, as_json: AsJson = False) -> None:
    """What the node's agent says now: its hypervisor, and its guests."""
    told = MarketClient.from_environment().get(f"/v1/nodes/{node}/status")
    if as_json:
        show_one(told, as_json=True)
        return
    show_one({name: value for name, value in told.items() if name != "guests"}, as_json=False)
    rows = [{"contract": contract, "state": state} for contract, state in told["guests"].items()]
    show(rows, ("contract", "state"), as_json=False)


def enrol(node: Node, as_json: AsJson = False) -> None:
    """A one-time token with which the node's agent joins the market."""
    show_one(MarketClient.from_environment().post(f"/v1/nodes/{node}/enrolment"), as_json=as_json)


def enrolment_line(node: Node) -> None:
    """The one line that starts the node's agent: paste it into a shell of the VM within the hour."""
    market = MarketClient.from_environment()
    token = market.post(f"/v1/nodes/{node}/enrolment")["token"]
    words = ["nestex", "agent", "--market", market.url, "--data", "nestex-agent"]
    console.print(f"NESTEX_AGENT_TOKEN={shlex.quote(token)} {shlex.join(words)}", markup=False, soft_wrap=True)
