"""Commands that need nothing but this machine: the demo, and the stack kept running."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nestex.cli.output import console


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(demo)
    app.command()(up)


def demo(
    out: Annotated[Path, typer.Option("--out", help="folder for documents")] = Path("demo-out"),
    json_file: Annotated[Path | None, typer.Option("--json", help="file for the figures")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="keep the data folder, for `nestex up --data`")] = False,
) -> None:
    """The whole story on real servers, in about a minute; exit code 1 if anything is off."""
    from nestex.demo.run import run_demo

    raise typer.Exit(run_demo(console, out, json_file, keep=keep))


def up(
    data: Annotated[Path, typer.Option("--data", help="folder for all data, keys and logs")] = Path("nestex-data"),
    zone: Annotated[list[str] | None, typer.Option("--zone", help="zone with an engine; may be repeated")] = None,
    speed: Annotated[int, typer.Option("--speed", min=1, help="market seconds in a real second")] = 1,
) -> None:
    """Run the whole market on this machine until Ctrl-C."""
    from common.clock import SystemClock
    from nestex.bootstrap import NewDeployment
    from nestex.local import running_market

    zones = zone or ["fra1"]
    with running_market(data, SystemClock(), zones, NewDeployment(clock_speed=speed)) as market:
        console.print(f"The market is open:   {market.url}   (try it at {market.url}/docs)")
        console.print(f"The operator's key:   {market.operator_key}")
        console.print(f"Zones with an engine: {', '.join(zones)}")
        console.print(f"Data and logs:        {data.resolve()}")
        console.print("Ctrl-C ends it; the same folder takes it up again.")
        market.supervisor.run()
