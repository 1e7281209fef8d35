"""The market process: connect to the world, serve HTTP with uvicorn, let go in order."""

from __future__ import annotations

import uvicorn

from common import garbage
from common.clock import SystemClock
from market.engine.client import RemoteEngine
from market.feed.follow_book import BookHub
from market.feed.follow_feed import FeedHub
from market.http.app import create_app
from market.http.directory import InstrumentDirectory
from market.http.keyring import KeyRing
from market.http.rate_limits import RateLimiter
from market.http.services import Services
from market.http.stream.connection import LARGEST_MESSAGE
from runtime import bus, deployment
from runtime.agent_access import AgentIssuer
from runtime.database import connect
from runtime.settings import Settings

_LONGEST_END_SECONDS = 10
"""Requests may take so long to end when the process is to end; open streams would never."""


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
        engine, feed = RemoteEngine(client), FeedHub(database)
        services = Services(
            settings=settings,
            database=database,
            clock=clock,
            currency=known.currency,
            engine=engine,
            bus=client,
            agents=None if settings.nats_agents is None else AgentIssuer.load(settings.nats_agents),
            keys=KeyRing(database, real),
            instruments=InstrumentDirectory(database),
            limits=RateLimiter(real, settings.key_requests, settings.key_window_seconds),
            feed=feed,
            books=BookHub(engine, feed),
        )
        app = create_app(services)
        garbage.spare_the_collector()
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            ws_max_size=LARGEST_MESSAGE,
            timeout_graceful_shutdown=_LONGEST_END_SECONDS,
        )
        await uvicorn.Server(config).serve()
    finally:
        await client.close()
        database.dispose()
