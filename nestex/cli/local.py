"""Commands that need nothing but this machine: the demo, and the stack kept running."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from nestex.cli.output import console
from nestex.stack.hypervisor_kind import HypervisorKind

_ZONE = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(demo)
    app.command()(up)


def demo(
    out: Annotated[Path, typer.Option("--out", help="folder for documents and exports")] = Path("demo-out"),
    json_file: Annotated[Path | None, typer.Option("--json", help="file for the figures")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="keep the data folder, for `nestex up --data`")] = False,
    hypervisor: Annotated[
        HypervisorKind,
        typer.Option("--hypervisor", help="test: guests are played; qemu: they boot, which takes longer"),
    ] = HypervisorKind.TEST,
) -> None:
    """The whole story on real servers, in about a minute; exit code 1 if anything is off."""
    from nestex.demo.run import run_demo

    raise typer.Exit(run_demo(console, out, json_file, keep=keep, hypervisor=hypervisor))


def up(
    data: Annotated[Path, typer.Option("--data", help="folder for all data, keys and logs")] = Path("nestex-data"),
    zone: Annotated[list[str] | None, typer.Option("--zone", help="zone with an engine; may be repeated")] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="of the HTTP API; 0: any that is free")] = 8780,
    speed: Annotated[int, typer.Option("--speed", min=1, help="market seconds in a real second")] = 1,
    hypervisor: Annotated[
        HypervisorKind | None, typer.Option("--hypervisor", help="a hypervisor for a node on this machine")
    ] = None,
) -> None:
    """Run the whole market on this machine until Ctrl-C."""
    from common.clock import SystemClock
    from nestex.bootstrap import NewDeployment
    from nestex.local import running_market
    from nestex.stack.hypervisors import start_hypervisor

    zones = zone or ["fra1"]
    if not all(re.fullmatch(_ZONE, name) for name in zones):
        raise typer.BadParameter("a zone is written in lower-case letters, digits and dashes", param_hint="--zone")
    with running_market(data, SystemClock(), zones, NewDeployment(clock_speed=speed), port=port) as market:
        console.print(
            f"The market is open at {market.url}, with an engine for {', '.join(zones)}; see {market.url}/docs."
        )
        console.print(f"Data, keys and logs are in {data.resolve()}; the same folder takes it up again.")
        console.print("Ctrl-C ends it. To be its operator in another shell:\n")
        console.print(f"export NESTEX_URL={market.url}", soft_wrap=True)
        console.print(f"export NESTEX_API_KEY={market.operator_key}", soft_wrap=True)
        if hypervisor is not None:
            settings = start_hypervisor(market.supervisor, "local", hypervisor)
            console.print("\nAn agent with the token of a node of yours has its hypervisor here:\n")
            for name, value in ({"NESTEX_AGENT_MARKET_URL": market.url} | settings).items():
                console.print(f"export {name}={value}", soft_wrap=True)
            console.print("nestex agent --data nestex-agent --token TOKEN --capacity 4,8192,40")
        market.supervisor.run()
