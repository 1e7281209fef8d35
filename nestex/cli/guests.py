"""Commands of a buyer to its guests: where they are to be, what they are to be, what they have, what they say."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nestex.cli.client import MarketClient
from nestex.cli.output import AsJson, console, show, show_one

_guest = typer.Typer(help="The guest of a contract that you bought.", no_args_is_help=True)
_adapter = typer.Typer(help="Network adapters, besides the first.", no_args_is_help=True)
_volume = typer.Typer(help="Data disks out of what the slices bought.", no_args_is_help=True)
_snapshot = typer.Typer(help="Snapshots of the guest's own disk.", no_args_is_help=True)

Contract = Annotated[str, typer.Argument(help="id of a contract that you bought")]
Device = Annotated[str, typer.Argument(help="a name of yours")]
Revision = Annotated[
    int | None, typer.Option("--revision", help="only if the guest is wanted as at this one: to repeat a call safely")
]
Wait = Annotated[int, typer.Option("--wait", min=0, max=30, help="seconds to wait until the guest has done it")]
Size = Annotated[int, typer.Option("--size", help="GiB")]
_WAIT = 10


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_guest, name="guest")
    for name, part in (("adapter", _adapter), ("volume", _volume), ("snapshot", _snapshot)):
        _guest.add_typer(part, name=name)


@_guest.command("show")
def show_guest(contract: Contract, wait: Wait = 0, as_json: AsJson = False) -> None:
    """What is wanted of it, and how far it has got."""
    show_wanted(MarketClient.from_environment().get(f"/v1/contracts/{contract}/guest", wait=wait), as_json)


@_guest.command()
def start(contract: Contract, revision: Revision = None, wait: Wait = _WAIT, as_json: AsJson = False) -> None:
    """Bring it up: from stopped, from paused, or when it powered itself off."""
    _post(contract, "start", None, revision, wait, as_json)


@_guest.command()
def stop(contract: Contract, revision: Revision = None, wait: Wait = _WAIT, as_json: AsJson = False) -> None:
    """Ask it to power itself off; it is taken down if it does not."""
    _post(contract, "stop", None, revision, wait, as_json)


@_guest.command()
def pause(contract: Contract, revision: Revision = None, wait: Wait = _WAIT, as_json: AsJson = False) -> None:
    """Let it stand still, with its memory."""
    _post(contract, "pause", None, revision, wait, as_json)


@_guest.command()
def resume(contract: Contract, revision: Revision = None, wait: Wait = _WAIT, as_json: AsJson = False) -> None:
    """Let it go on after a pause."""
    _post(contract, "resume", None, revision, wait, as_json)


@_guest.command()
def restart(contract: Contract, revision: Revision = None, wait: Wait = _WAIT, as_json: AsJson = False) -> None:
    """Off and on again."""
    _post(contract, "restart", None, revision, wait, as_json)


@_guest.command()
def rescale(
    contract: Contract,
    slices: Annotated[int | None, typer.Option("--slices", help="in all: bought, or given back, on the market")] = None,
    price: Annotated[str | None, typer.Option("--price", help="for more slices: the most, per slice-hour")] = None,
    vcpus: Annotated[int | None, typer.Option("--vcpus")] = None,
    memory_mib: Annotated[int | None, typer.Option("--memory", help="MiB")] = None,
    disk_gib: Annotated[int | None, typer.Option("--disk", help="GiB")] = None,
    cpu_shares: Annotated[int | None, typer.Option("--cpu-shares", help="what a vCPU weighs; 1024 is ordinary")] = None,
    cpu_percent: Annotated[int | None, typer.Option("--cpu-percent", help="of a CPU, for each vCPU at most")] = None,
    preview: Annotated[bool, typer.Option("--preview", help="only tell what --slices would cost now")] = False,
    revision: Revision = None,
    wait: Wait = _WAIT,
    as_json: AsJson = False,
) -> None:
    """Another size, within what the slices bought, while it runs as far as that goes; or more, or fewer, slices."""
    sizes = {"slices": slices, "price": price, "vcpus": vcpus, "memory_mib": memory_mib, "disk_gib": disk_gib}
    given = sizes | {"cpu_shares": cpu_shares, "cpu_percent": cpu_percent}
    if preview:
        wanted = {name: value for name, value in given.items() if value is not None}
        told = MarketClient.from_environment().post(f"/v1/contracts/{contract}/rescale/preview", wanted)
        show_one(told, as_json=as_json)
    else:
        _post(contract, "rescale", given, revision, wait, as_json)


@_guest.command()
def configure(
    contract: Contract,
    name: Annotated[str | None, typer.Option("--name", help="host name")] = None,
    ssh_keys: Annotated[list[str] | None, typer.Option("--ssh-key", help="may be repeated")] = None,
    user_data: Annotated[typer.FileText | None, typer.Option("--user-data", help="file for cloud-init")] = None,
    ports: Annotated[list[int] | None, typer.Option("--port", help="TCP, besides SSH; may be repeated")] = None,
    revision: Revision = None,
    wait: Wait = _WAIT,
    as_json: AsJson = False,
) -> None:
    """What it reads when it starts: from its next start on."""
    text = None if user_data is None else user_data.read()
    given = {"name": name, "ssh_keys": ssh_keys or None, "user_data": text, "ports": ports or None}
    _post(contract, "configure", given, revision, wait, as_json)


@_guest.command("console")
def console_(
    contract: Contract, characters: Annotated[int, typer.Option("--characters", min=1, max=100_000)] = 10_000
) -> None:
    """The end of what it wrote to its serial console."""
    told = MarketClient.from_environment().get(f"/v1/contracts/{contract}/console", characters=characters)
    console.print(told["text"], markup=False, soft_wrap=True)


@_adapter.command("attach")
def attach_adapter(
    contract: Contract, name: Device, revision: Revision = None, wait: Wait = _WAIT, as_json: AsJson = False
) -> None:
    """One more, while it runs."""
    _post(contract, "adapters", {"name": name}, revision, wait, as_json)


@_adapter.command("detach")
def detach_adapter(
    contract: Contract, name: Device, revision: Revision = None, wait: Wait = _WAIT, as_json: AsJson = False
) -> None:
    """One less."""
    _delete(contract, f"adapters/{name}", revision, wait, as_json)


@_volume.command("add")
def add_volume(
    contract: Contract,
    name: Device,
    size: Size,
    filesystem: Annotated[str, typer.Option("--filesystem", help="ext4, or nothing")] = "",
    revision: Revision = None,
    wait: Wait = _WAIT,
    as_json: AsJson = False,
) -> None:
    """Make it, format it if asked to, and attach it."""
    body = {"name": name, "size_gib": size, "filesystem": filesystem}
    _post(contract, "volumes", body, revision, wait, as_json)


@_volume.command("grow")
def grow_volume(
    contract: Contract, name: Device, size: Size, revision: Revision = None, wait: Wait = _WAIT, as_json: AsJson = False
) -> None:
    """Make it larger; the filesystem in it is the guest's to grow."""
    path = command_path(contract, f"volumes/{name}", revision, wait)
    show_wanted(MarketClient.from_environment().patch(path, {"size_gib": size}), as_json)


@_volume.command("remove")
def remove_volume(
    contract: Contract, name: Device, revision: Revision = None, wait: Wait = _WAIT, as_json: AsJson = False
) -> None:
    """Detach it and delete it with all that was written to it."""
    _delete(contract, f"volumes/{name}", revision, wait, as_json)


@_snapshot.command("list")
def list_snapshots(contract: Contract, as_json: AsJson = False) -> None:
    """Those that the node holds."""
    rows = MarketClient.from_environment().get(f"/v1/contracts/{contract}/snapshots")["items"]
    show(rows, ("name", "taken_at"), as_json=as_json)


@_snapshot.command("take")
def take_snapshot(
    contract: Contract, name: Device, revision: Revision = None, wait: Wait = _WAIT, as_json: AsJson = False
) -> None:
    """Keep the state of its disk."""
    _post(contract, "snapshots", {"name": name}, revision, wait, as_json)


@_snapshot.command("revert")
def revert(
    contract: Contract, name: Device, revision: Revision = None, wait: Wait = _WAIT, as_json: AsJson = False
) -> None:
    """Take its disk back; a guest that runs is restarted for it."""
    _post(contract, f"snapshots/{name}/revert", None, revision, wait, as_json)


@_snapshot.command("drop")
def drop_snapshot(
    contract: Contract, name: Device, revision: Revision = None, wait: Wait = _WAIT, as_json: AsJson = False
) -> None:
    """Forget it."""
    _delete(contract, f"snapshots/{name}", revision, wait, as_json)


def _post(
    contract: str, verb: str, body: dict[str, Any] | None, revision: int | None, wait: int, as_json: bool
) -> None:
    given = None if body is None else {name: value for name, value in body.items() if value is not None}
    show_wanted(MarketClient.from_environment().post(command_path(contract, verb, revision, wait), given), as_json)


def _delete(contract: str, path: str, revision: int | None, wait: int, as_json: bool) -> None:
    show_wanted(MarketClient.from_environment().delete(command_path(contract, path, revision, wait)), as_json)


def command_path(contract: str, rest: str, revision: int | None, wait: int) -> str:
    """Where a call on a contract goes that waits for its agent."""
    guard = "" if revision is None else f"&revision={revision}"
    return f"/v1/contracts/{contract}/{rest}?wait={wait}{guard}"


def show_wanted(guest: dict[str, Any], as_json: bool) -> None:
    """What is wanted of a guest or a volume, and what became of it."""
    if as_json:
        show_one(guest, as_json=True)
        return
    answers = guest.pop("answers")
    show_one({name: value for name, value in guest.items() if value != []}, as_json=False)
    if answers:
        show(answers, ("field", "outcome", "reason"), as_json=False)
