"""A failed contract and what was bought in its place, over HTTP and on the stream: who sees what of it."""

from __future__ import annotations

import asyncio

from sqlalchemy import select

from market.contracts.fail_contract import fail_contract
from market.engine.client import RemoteEngine
from market.tables import contract
from market.worker.failures import Failures
from runtime import bus
from runtime.settings import Settings
from tests.conftest import NatsAccount
from tests.market.factories import World
from tests.market.http.bodies import PROVIDER, ask, bid
from tests.market.http.conftest import Http, joined, online_node
from tests.market.http.stream_client import stream_of


def fail(world: World, nats_account: NatsAccount, name: str) -> None:
    """The guest of the contract has failed, and the worker brings that to the engine."""
    with world.begin() as connection:
        row = connection.execute(select(contract).where(contract.c.id == name)).mappings().one()
        fail_contract(connection, row, row["start_minute"], "it broke", world.real.micros)

    async def work() -> None:
        settings = Settings(database_url="", nats_url=nats_account.url, nats_credentials=nats_account.credentials)
        client = await bus.connect(settings, "test worker")
        await Failures(world.database, RemoteEngine(client)).end_all()
        await client.close()

    asyncio.run(work())


def test_a_buyer_sees_what_replaces_what_and_its_providers_do_not(
    world: World, nats_account: NatsAccount, operator: Http, provider: Http, buyer: Http, node_id: str
) -> None:
    other = joined(operator, "Elbe Elements", "cloud@elbe.example", "100.00")
    assert other.post("/v1/providers", PROVIDER | {"company": "Elbe Elements GmbH"}).status_code == 201
    provider.post("/v1/orders", ask(node_id, slices=1))
    assert buyer.post("/v1/orders", bid(replace_on_failure=True)).json()["state"] == "filled"
    [old] = buyer.get("/v1/contracts").json()["items"]
    assert (old["replaces"], old["replaced_by"], old["not_replaced"]) == (None, None, None)
    other.post("/v1/orders", ask(online_node(world, other)))
    with stream_of(buyer) as stream:
        stream.subscribe("contracts")
        fail(world, nats_account, old["id"])
        told = [stream.until("contract")["contract"] for _ in range(3)]  # failed, made, ended
    [new] = [row for row in told if row["replaces"] == old["id"]]
    path = f"/v1/contracts/{old['id']}"
    assert buyer.get(path).json()["replaced_by"] == new["id"]
    assert buyer.get(f"{path}/lineage").json()["replaced_by"] == new["id"]
    assert buyer.get(f"/v1/contracts/{new['id']}/lineage").json()["replaces"] == old["id"]
    assert provider.get(path).json()["replaced_by"] is None
    assert other.get(f"/v1/contracts/{new['id']}").json()["replaces"] is None
    bought = [row for row in buyer.get("/v1/orders").json()["items"] if row["replaces"] == old["id"]]
    assert [row["state"] for row in bought] == ["filled"]
    fail(world, nats_account, new["id"])
    assert buyer.get(f"/v1/contracts/{new['id']}").json()["not_replaced"] == "nothing_fits"
