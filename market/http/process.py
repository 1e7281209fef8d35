"""The market process: connect to the world, serve HTTP with uvicorn, let go in order."""

from __future__ import annotations

import uvicorn

from common.clock import SystemClock
from market.engine.client import RemoteEngine
from market.http.app import create_app
from market.http.directory import InstrumentDirectory
from market.http.keyring import KeyRing
from market.http.rate_limits import RateLimiter
from market.http.services import Services
from runtime import bus, deployment
from runtime.agent_access import AgentIssuer
from runtime.database import connect
from runtime.settings import Settings


async def run(settings: Settings, host: str, port: int) -> None:
    """Serve until a signal asks for the end."""
    database = connect(settings.database_url, application="nestex market", pool_size=20)
    client = await bus.connect(settings, "market")
    try:
        await bus.ensure_streams(client.jetstream())
        real = SystemClock()
        with database.begin() as connection:
            known = deployment.read(connection)
            clock = deployment.market_clock(connection, real)
        services = Services(
            settings=settings,
            database=database,
            clock=clock,
            currency=known.currency,
            engine=RemoteEngine(client),
            bus=client,
            agents=None if settings.nats_agents is None else AgentIssuer.load(settings.nats_agents),
            keys=KeyRing(database, real),
            instruments=InstrumentDirectory(database),
            limits=RateLimiter(real, settings.key_requests, settings.key_window_seconds),
        )
        config = uvicorn.Config(create_app(services), host=host, port=port, log_level="warning", access_log=False)
        await uvicorn.Server(config).serve()
    finally:
        await client.close()
        database.dispose()
