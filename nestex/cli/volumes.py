"""`nestex volume`: volumes that are contracts of their own, and the guests that have them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nestex.cli.client import MarketClient
from nestex.cli.guests import Contract, Revision, Size, Wait, command_path, show_wanted
from nestex.cli.output import AsJson, show

_COLUMNS = ("id", "guest_name", "instrument", "node", "start", "end", "slices", "state", "guest_state", "attached_to")
_WAIT = 10

_volume = typer.Typer(help="The volumes that you bought: `nestex buy ... --volume NAME`.", no_args_is_help=True)

Guest = Annotated[str, typer.Argument(help="id of the contract of a guest of yours on the same node")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_volume, name="volume")


@_volume.command("list")
def list_volumes(as_json: AsJson = False) -> None:
    """All that you bought or sold."""
    show(list(MarketClient.from_environment().pages("/v1/contracts", kind="volume")), _COLUMNS, as_json=as_json)


@_volume.command("show")
def show_volume(contract: Contract, wait: Wait = 0, as_json: AsJson = False) -> None:
    """What is wanted of it, and how far it has got."""
    show_wanted(MarketClient.from_environment().get(f"/v1/contracts/{contract}/volume", wait=wait), as_json)


@_volume.command()
def attach(
    contract: Contract, guest: Guest, revision: Revision = None, wait: Wait = _WAIT, as_json: AsJson = False
) -> None:
    """Give it to a guest as a data disk, while that runs."""
    _post(contract, "attach", {"guest": guest}, revision, wait, as_json)


@_volume.command()
def detach(contract: Contract, revision: Revision = None, wait: Wait = _WAIT, as_json: AsJson = False) -> None:
    """Take it from its guest, with what was written to it; or back from snapshots, empty."""
    _post(contract, "detach", None, revision, wait, as_json)


@_volume.command("set-aside")
def set_aside(
    contract: Contract, guest: Guest, revision: Revision = None, wait: Wait = _WAIT, as_json: AsJson = False
) -> None:
    """Give its room to the snapshots of a guest; what was written to it is deleted."""
    _post(contract, "set-aside", {"guest": guest}, revision, wait, as_json)


@_volume.command()
def grow(
    contract: Contract, size: Size, revision: Revision = None, wait: Wait = _WAIT, as_json: AsJson = False
) -> None:
    """Make it larger, up to what was bought; the filesystem in it is the guest's to grow."""
    _post(contract, "resize", {"size_gib": size}, revision, wait, as_json)


def _post(
    contract: str, verb: str, body: dict[str, Any] | None, revision: int | None, wait: int, as_json: bool
) -> None:
    path = command_path(contract, verb, revision, wait)
    show_wanted(MarketClient.from_environment().post(path, body), as_json)
