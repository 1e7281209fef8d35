"""`nestex backup` and `nestex restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nestex.cli.output import console

_Data = Annotated[Path | None, typer.Option("--data", help="folder of a `nestex up`; else NESTEX_DATABASE_URL")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(backup)
    app.command()(restore)


def backup(
    folder: Annotated[Path, typer.Argument(help="where the backup goes; must not be there yet")], data: _Data = None
) -> None:
    """Write the database, as it is at this moment, to a folder. The market may run."""
    from common.clock import SystemClock
    from nestex.backups.data_folder import kept_files, served
    from nestex.backups.make import back_up
    from runtime.settings import DatabaseSettings, from_environment

    if data is None:
        made = back_up(from_environment(DatabaseSettings).database_url, folder, {})
    else:
        with served(data, SystemClock()) as url:
            made = back_up(url, folder, kept_files(data))
    console.print(f"{folder} holds the market of {made.moment} (market time {made.market_time}).", soft_wrap=True)


def restore(
    folder: Annotated[Path | None, typer.Argument(help="a backup")] = None,
    data: _Data = None,
    replace: Annotated[bool, typer.Option("--replace", help="give up what the database holds now")] = False,
    as_it_is: Annotated[
        bool, typer.Option("--as-it-is", help="the database was set back by other means: begin its new generation")
    ] = False,
) -> None:
    """Set the database back to a backup. Market, engines and workers must be stopped; agents and the bus run on."""
    from common.clock import SystemClock
    from nestex.backups.data_folder import alone, put_back
    from runtime.settings import DatabaseSettings, from_environment

    if (folder is None) != as_it_is:
        raise typer.BadParameter("name either a backup or --as-it-is")
    if data is None:
        _restore(from_environment(DatabaseSettings).database_url, folder, replace)
        return
    with alone(data, SystemClock()) as url:
        _restore(url, folder, replace)
    if folder is not None:
        put_back(folder, data)


def _restore(url: str, folder: Path | None, replace: bool) -> None:
    from nestex.backups.restore import begin_generation, restore

    if folder is None:
        begin_generation(url)
        console.print("The database has begun a new generation. Start the market again.")
        return
    restored = restore(url, folder, replace=replace)
    console.print(f"The market is back at {restored.moment} (market time {restored.market_time}).", soft_wrap=True)
    console.print("Start it again: agents and streams catch up by themselves.")
