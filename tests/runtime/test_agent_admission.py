"""Who is admitted as an agent: by which tokens, for how long, and who can make them."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest
from nats.errors import Error

from common.errors import InvalidInput
from runtime.agent_access import AGENTS, SERVER_CREDENTIALS, AgentIssuer, Authority
from runtime.nats_jwt import new_seed, public_key, signed
from tests.conftest import NatsAccount
from tests.runtime.agents import NODE, NOW, OTHER, agent, connected


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
            async with connected(nats_account, jwt, seed, NODE):
                pass

    asyncio.run(story())


def test_a_token_of_one_account_opens_no_other(nats_account: NatsAccount) -> None:
    async def story() -> None:
        seed = new_seed("user")
        jwt = AgentIssuer(nats_account.authority.account, new_seed("account")).agent_jwt(NODE, public_key(seed), NOW)
        with pytest.raises(Error, match=r"(?i)authorization violation"):
            async with connected(nats_account, jwt, seed, NODE):
                pass

    asyncio.run(story())


def test_revocation_throws_the_agent_out_at_once_and_keeps_its_old_tokens_out(nats_account: NatsAccount) -> None:
    seed = new_seed("user")
    agents = nats_account.authority.agents
    later = nats_account.authority.issued_at + 10
    old = agents.agent_jwt(NODE, public_key(seed), later - 1)

    async def thrown_out() -> None:
        async with (
            agent(nats_account, OTHER) as (bystander, _),
            connected(nats_account, old, seed, NODE) as (client, _),
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
            async with connected(nats_account, old, seed, NODE):
                pass
        renewed = agents.agent_jwt(NODE, public_key(seed), later + 1)
        async with connected(nats_account, renewed, seed, NODE):
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
