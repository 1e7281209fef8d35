"""What every route works with, handed to the app by the composition root; and the dependencies that give it out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from nats.aio.client import Client
from sqlalchemy import Connection, Engine

from common.clock import MarketClock
from market.engine.client import EngineClient
from market.feed.follow_book import BookHub
from market.feed.follow_feed import FeedHub
from market.http.directory import InstrumentDirectory
from market.http.keyring import KeyRing
from market.http.rate_limits import RateLimiter
from market.http.stream.open_streams import OpenStreams
from market.participants.idempotency import Claim
from runtime.agent_access import AgentIssuer
from runtime.database import transaction
from runtime.settings import Settings

T = TypeVar("T")

RUNNING: ContextVar[Claim | None] = ContextVar("running", default=None)
"""The claim of the Idempotency-Key that the call came with."""


@dataclass(frozen=True, slots=True)
class Services:
    """The market process's connections to the world. `agents` mints agent identities, where this process may."""

    settings: Settings
    database: Engine
    clock: MarketClock
    currency: str
    engine: EngineClient
    bus: Client
    agents: AgentIssuer | None
    keys: KeyRing
    instruments: InstrumentDirectory
    limits: RateLimiter
    feed: FeedHub
    books: BookHub
    streams: OpenStreams = field(default_factory=OpenStreams)

    def write(self, work: Callable[[Connection], T]) -> T:
        """`work` in a transaction, committed when this returns. It also marks the claim under which the call runs."""
        claim = RUNNING.get()
        return transaction(self.database, work if claim is None else claim.marking(work))

    def read(self, work: Callable[[Connection], T]) -> T:
        """The same for what only reads."""
        return transaction(self.database, work)


def services_of(request: Request) -> Services:
    """The app's services."""
    services: Services = request.app.state.services
    return services


def reader(request: Request) -> Iterator[Connection]:
    """A connection for the length of a reading request."""
    with services_of(request).database.begin() as connection:
        yield connection


async def _services(request: Request) -> Services:
    """A coroutine, because a plain function that is a dependency runs in a thread, which takes longer than this."""
    return services_of(request)


Market = Annotated[Services, Depends(_services)]
Reader = Annotated[Connection, Depends(reader)]
