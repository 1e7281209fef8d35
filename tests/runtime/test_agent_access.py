"""What agents may do on a real nats-server: everything of their own node, and nothing else."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client, RawCredentials
from nats.aio.msg import Msg
from nats.errors import Error, NoRespondersError
from nats.errors import TimeoutError as NatsTimeout

from common import subjects
from common.errors import InvalidInput
from runtime.agent_access import AGENTS, SERVER_CREDENTIALS, AgentIssuer, Authority
from runtime.bus import ensure_allocation_consumer, ensure_streams
from runtime.nats_jwt import credentials_file, new_seed, public_key, signed
from tests.conftest import NatsAccount

NOW = 1_700_000_000
NODE, OTHER = "nod_1", "nod_10"

OWN_PUBLISH = (
    "usage.{node}",
    "status.{node}.con_1",
    "status.{node}.hb",
    "$JS.API.CONSUMER.MSG.NEXT.ALLOC.agent-{node}",
    "$JS.API.CONSUMER.INFO.ALLOC.agent-{node}",
    "$JS.ACK.ALLOC.agent-{node}.1.1.1.1.0",
)
OWN_SUBSCRIBE = ("_INBOX.{node}.>", "_INBOX.{node}.abc.*", "cmd.{node}.>", "cmd.{node}.sync")
NOBODYS_PUBLISH = (
    "alloc.nod_1.con_1",
    "cmd.nod_1.sync",
    "usage.nod_1.more",
    "usage",
    "status.nod_1",
    "engine.zone.commands",
    "_INBOX.nod_1.answer",
    "$JS.API.STREAM.INFO.ALLOC",
    "$JS.API.STREAM.MSG.GET.ALLOC",
    "$JS.API.DIRECT.GET.ALLOC",
    "$JS.API.STREAM.PURGE.USAGE",
    "$JS.API.CONSUMER.CREATE.ALLOC.agent-nod_1",
    "$JS.API.CONSUMER.DURABLE.CREATE.ALLOC.agent-nod_1",
    "$JS.API.CONSUMER.DELETE.ALLOC.agent-nod_1",
    "$JS.API.CONSUMER.MSG.NEXT.USAGE.agent-nod_1",
    "$SYS.REQ.CLAIMS.UPDATE",
)
NOBODYS_SUBSCRIBE = (
    ">",
    "*.>",
    "_INBOX.>",
    "_INBOX.*",
    "cmd.>",
    "cmd.*.sync",
    "alloc.>",
    "alloc.nod_1.>",
    "usage.>",
    "usage.nod_1",
    "status.>",
    "engine.>",
    "$JS.ACK.>",
    "$SYS.>",
)


@asynccontextmanager
async def _connected(account: NatsAccount, jwt: str, seed: str, node: str) -> AsyncIterator[tuple[Client, list[str]]]:
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
async def _agent(account: NatsAccount, node: str = NODE) -> AsyncIterator[tuple[Client, list[str]]]:
    seed = new_seed("user")
    jwt = AgentIssuer.load(account.agents).agent_jwt(node, public_key(seed), NOW)
    async with _connected(account, jwt, seed, node) as connected:
        yield connected


@asynccontextmanager
async def _market(account: NatsAccount) -> AsyncIterator[Client]:
    client = await nats.connect(account.url, user_credentials=str(account.credentials))
    try:
        yield client
    finally:
        await client.close()


async def _refused(client: Client, complaints: list[str]) -> bool:
    # A request goes out behind what was sent before, and complaints come before its answer. `flush` would not do:
    # its ping overtakes what the client still buffers.
    await client.request(f"$JS.API.CONSUMER.INFO.ALLOC.agent-{NODE}", b"", timeout=5)
    refused = any("permissions violation" in complaint.lower() for complaint in complaints)
    complaints.clear()
    return refused


def test_an_agent_publishes_on_the_subjects_of_its_own_node_only(nats_account: NatsAccount) -> None:
    async def story() -> None:
        async with _agent(nats_account) as (client, complaints):
            allowed = {subject.format(node=NODE): True for subject in OWN_PUBLISH}
            forbidden = {subject.format(node=OTHER): False for subject in OWN_PUBLISH}
            for subject, may in {**allowed, **forbidden, **dict.fromkeys(NOBODYS_PUBLISH, False)}.items():
                await client.publish(subject, b"{}")
                assert await _refused(client, complaints) is not may, subject

    asyncio.run(story())


def test_an_agent_subscribes_to_its_own_inbox_and_commands_only(nats_account: NatsAccount) -> None:
    async def story() -> None:
        async with _agent(nats_account) as (client, complaints):
            allowed = {subject.format(node=NODE): True for subject in OWN_SUBSCRIBE}
            forbidden = {subject.format(node=OTHER): False for subject in OWN_SUBSCRIBE}
            for subject, may in {**allowed, **forbidden, **dict.fromkeys(NOBODYS_SUBSCRIBE, False)}.items():
                for queue in ("", "group"):
                    await client.subscribe(subject, queue=queue)
                    assert await _refused(client, complaints) is not may, (subject, queue)

    asyncio.run(story())


def test_an_agent_takes_its_allocations_from_the_consumer_that_the_market_made(nats_account: NatsAccount) -> None:
    async def story() -> None:
        async with _market(nats_account) as market, _agent(nats_account) as (client, complaints):
            jetstream = market.jetstream()
            await ensure_streams(jetstream)
            await ensure_allocation_consumer(jetstream, NODE)
            await jetstream.publish(subjects.allocation(NODE, "con_1"), b"for this node")
            await jetstream.publish(subjects.allocation(OTHER, "con_2"), b"for the other")
            consumer = subjects.allocation_consumer(NODE)
            subscription = await client.jetstream().pull_subscribe_bind(consumer=consumer, stream="ALLOC")
            (message,) = await subscription.fetch(10, timeout=1)
            assert message.data == b"for this node"
            await message.ack()
            assert not await _refused(client, complaints)
            information = await jetstream.consumer_info("ALLOC", consumer)
            assert (information.num_ack_pending, information.num_pending) == (0, 0)
            acknowledged = await client.jetstream().publish(subjects.usage(NODE), b"report")
            assert (acknowledged.stream, acknowledged.seq) == ("USAGE", 1)
            assert complaints == []

    asyncio.run(story())


def test_an_agent_cannot_take_the_allocations_of_another_node(nats_account: NatsAccount) -> None:
    async def story() -> None:
        async with _market(nats_account) as market, _agent(nats_account) as (client, complaints):
            jetstream = market.jetstream()
            await ensure_streams(jetstream)
            await ensure_allocation_consumer(jetstream, OTHER)
            await jetstream.publish(subjects.allocation(OTHER, "con_2"), b"for the other")
            consumer = subjects.allocation_consumer(OTHER)
            subscription = await client.jetstream().pull_subscribe_bind(consumer=consumer, stream="ALLOC")
            with pytest.raises(NatsTimeout):
                await subscription.fetch(1, timeout=0.3)
            assert await _refused(client, complaints)
            assert (await jetstream.consumer_info("ALLOC", consumer)).delivered.consumer_seq == 0

    asyncio.run(story())


def test_an_agent_answers_a_command_once_and_to_nobody_else(nats_account: NatsAccount) -> None:
    async def story() -> None:
        async with _market(nats_account) as market, _agent(nats_account) as (client, complaints):
            asked: list[Msg] = []

            async def answer(message: Msg) -> None:
                asked.append(message)
                await message.respond(b"done")

            await client.subscribe(subjects.command(NODE, "*"), cb=answer)
            await client.flush()
            assert (await market.request(subjects.command(NODE, "sync"), b"{}", timeout=2)).data == b"done"
            assert not await _refused(client, complaints)
            await asked[0].respond(b"done twice")
            assert await _refused(client, complaints)
            with pytest.raises(NoRespondersError):
                await market.request(subjects.command(OTHER, "sync"), b"{}", timeout=2)

    asyncio.run(story())


def test_permissions_in_an_agents_own_token_do_not_count(nats_account: NatsAccount) -> None:
    async def story() -> None:
        seed, issuer = new_seed("user"), AgentIssuer.load(nats_account.agents)
        jwt = signed(
            "user",
            subject=public_key(seed),
            name=NODE,
            issuer_seed=issuer.signing_seed,
            issued_at=NOW,
            body={"issuer_account": issuer.account, "pub": {"allow": [">"]}, "sub": {"allow": [">"]}},
        )
        with pytest.raises(Error, match=r"(?i)authorization violation"):
            async with _connected(nats_account, jwt, seed, NODE):
                pass

    asyncio.run(story())


def test_a_token_of_one_account_opens_no_other(nats_account: NatsAccount) -> None:
    async def story() -> None:
        seed = new_seed("user")
        jwt = AgentIssuer(nats_account.authority.account, new_seed("account")).agent_jwt(NODE, public_key(seed), NOW)
        with pytest.raises(Error, match=r"(?i)authorization violation"):
            async with _connected(nats_account, jwt, seed, NODE):
                pass

    asyncio.run(story())


def test_revocation_throws_the_agent_out_at_once_and_keeps_its_old_tokens_out(nats_account: NatsAccount) -> None:
    seed = new_seed("user")
    agents = nats_account.authority.agents
    later = nats_account.authority.issued_at + 10
    old = agents.agent_jwt(NODE, public_key(seed), later - 1)

    async def thrown_out() -> None:
        async with (
            _agent(nats_account, OTHER) as (bystander, _),
            _connected(nats_account, old, seed, NODE) as (client, _),
        ):
            await asyncio.to_thread(nats_account.push, nats_account.authority.revoke(public_key(seed), later))
            for _ in range(100):
                if client.is_closed:
                    break
                await asyncio.sleep(0.05)
            assert client.is_closed
            assert "revoked" in str(client.last_error)
            assert bystander.is_connected
        with pytest.raises(Error, match=r"(?i)authorization violation|revoked"):
            async with _connected(nats_account, old, seed, NODE):
                pass
        renewed = agents.agent_jwt(NODE, public_key(seed), later + 1)
        async with _connected(nats_account, renewed, seed, NODE):
            pass

    asyncio.run(thrown_out())


@pytest.mark.parametrize("node", ["", "*", ">", "nod_1.>", "nod_1.hb", "a b", "nod_1\n", "{{name()}}", "nöd"])
def test_a_node_whose_name_would_open_other_subjects_gets_no_token(node: str) -> None:
    issuer = Authority.create(NOW).agents
    with pytest.raises(InvalidInput) as refusal:
        issuer.agent_jwt(node, public_key(new_seed("user")), NOW)
    assert (refusal.value.code, refusal.value.field) == ("invalid_field", "node")


def test_a_key_that_is_no_users_gets_no_token() -> None:
    authority = Authority.create(NOW)
    with pytest.raises(InvalidInput) as refusal:
        authority.agents.agent_jwt(NODE, authority.account, NOW)
    assert (refusal.value.code, refusal.value.field) == ("invalid_field", "public_key")


def test_each_kind_of_process_gets_a_file_with_no_more_than_its_own_secrets(tmp_path: Path) -> None:
    authority = Authority.create(NOW).revoke(public_key(new_seed("user")), NOW)
    authority.save(tmp_path)
    assert Authority.load(tmp_path) == authority
    assert AgentIssuer.load(tmp_path / AGENTS) == authority.agents
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    roots = (authority.operator_seed, authority.system_seed, authority.account_seed)
    secrets = {AGENTS: authority.signing_seed, SERVER_CREDENTIALS: authority.server_seed}
    for name, own in secrets.items():
        text = (tmp_path / name).read_text()
        assert own in text
        assert not any(seed in text for seed in (*roots, *secrets.values()) if seed != own)
