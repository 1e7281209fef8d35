"""The separate processes of a real deployment, configured by NESTEX_* variables: market, engine, worker,
migrate. The agent, which runs elsewhere, is in `nestex.cli.agent`."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Coroutine
from typing import Annotated, Any

import typer


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(market)
    app.command()(engine)
    app.command()(worker)
    app.command()(migrate)


def market(
    host: Annotated[str, typer.Option("--host", help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="port to listen on")] = 8780,
) -> None:
    """Serve the HTTP API. Stateless: run as many as you need."""
    from uvicorn.loops.auto import auto_loop_factory

    from market.http.process import run
    from runtime.settings import Settings, from_environment

    log_to_stderr()
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:  # uvloop, of the server's packages
        runner.run(run(from_environment(Settings), host, port))


def engine(zone: Annotated[str, typer.Option("--zone", help="the zone (shard) whose instruments it matches")]) -> None:
    """Match the orders of one zone. A second one for the same zone stands by."""
    from market.engine.process import run
    from runtime.settings import Settings, from_environment

    log_to_stderr()
    _serve(run(from_environment(Settings), zone))


def worker() -> None:
    """Publish allocations, meter usage, settle, close periods."""
    from market.worker.process import run
    from runtime.settings import Settings, from_environment

    log_to_stderr()
    _serve(run(from_environment(Settings)))


def migrate() -> None:
    """Bring the database to this version's schema, and set up a deployment that is new."""
    from nestex.bootstrap import NewDeployment, prepare
    from nestex.schema import upgrade
    from runtime.settings import DatabaseSettings, from_environment

    url = from_environment(DatabaseSettings).database_url
    upgrade(url)
    key = prepare(url, NewDeployment())
    typer.echo("The schema is up to date.")
    if key is not None:
        typer.echo(f"The operator's API key, shown only now: {key}")


def log_to_stderr() -> None:
    """What a process says while it runs."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)


def _serve(work: Coroutine[Any, Any, None]) -> None:
    """Run until SIGTERM or SIGINT asks for an orderly end."""

    async def until_signalled() -> None:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            logging.getLogger("nestex").info("stopped")

    asyncio.run(until_signalled())
