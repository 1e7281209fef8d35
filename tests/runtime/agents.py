"""Agents on the run's nats-server, for the tests of what they may do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats
from nats.aio.client import Client, RawCredentials

from common import subjects
from runtime.agent_access import AgentIssuer
from runtime.nats_jwt import credentials_file, new_seed, public_key
from tests.conftest import NatsAccount

NOW = 1_700_000_000
NODE, OTHER = "nod_1", "nod_10"


@asynccontextmanager
async def connected(account: NatsAccount, jwt: str, seed: str, node: str) -> AsyncIterator[tuple[Client, list[str]]]:
    """An agent's client, and what the server held against it so far."""
    complaints: list[str] = []

    async def note(error: Exception) -> None:
        complaints.append(str(error))

    client = await nats.connect(
        account.url,
        user_credentials=RawCredentials(credentials_file(jwt, seed)),
        inbox_prefix=subjects.inbox_prefix(node),
        error_cb=note,
        allow_reconnect=False,
    )
    try:
        yield client, complaints
    finally:
        await client.close()


@asynccontextmanager
async def agent(account: NatsAccount, node: str = NODE) -> AsyncIterator[tuple[Client, list[str]]]:
    seed = new_seed("user")
    jwt = AgentIssuer.load(account.agents).agent_jwt(node, public_key(seed), NOW)
    async with connected(account, jwt, seed, node) as client:
        yield client
