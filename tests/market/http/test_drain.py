"""A node that is drained sells nothing more, and delivers what it has sold."""

from __future__ import annotations

from market.nodes.drain import set_draining
from market.nodes.liveness import asks_to_withdraw
from tests.market.factories import World, order
from tests.market.http.bodies import ask, bid
from tests.market.http.conftest import Http


def test_nothing_more_is_sold_of_a_draining_node_and_contracts_go_on(provider: Http, buyer: Http, node_id: str) -> None:
    offered = provider.post("/v1/orders", ask(node_id)).json()["id"]
    buyer.post("/v1/orders", bid())
    for _ in range(2):
        drained = provider.post(f"/v1/nodes/{node_id}/drain")
        assert (drained.status_code, drained.json()["draining"], drained.json()["state"]) == (200, True, "online")
    canceled = provider.get(f"/v1/orders/{offered}").json()
    assert (canceled["state"], canceled["reason"]) == ("canceled", "node_drained")
    refused = provider.post("/v1/orders", ask(node_id))
    assert (refused.status_code, refused.json()["code"]) == (422, "node_not_ready")
    assert provider.post("/v1/orders/preview", ask(node_id)).json()["code"] == "node_not_ready"
    assert [row["state"] for row in buyer.get("/v1/contracts").json()["items"]] == ["scheduled"]
    assert provider.delete(f"/v1/nodes/{node_id}/drain").json()["draining"] is False
    assert provider.post("/v1/orders", ask(node_id)).json()["state"] == "new"


def test_a_node_is_drained_by_its_provider_alone(provider: Http, buyer: Http, node_id: str) -> None:
    path = f"/v1/nodes/{node_id}/drain"
    assert (buyer.post(path).json()["code"], buyer.delete(path).json()["code"]) == ("not_found", "not_found")
    reader = provider.post("/v1/keys", {"name": "reader", "scopes": ["read"]}).json()["api_key"]
    assert provider.as_(reader).post(path).json()["code"] == "scope_missing"
    assert provider.get(f"/v1/nodes/{node_id}").json()["draining"] is False


def test_asks_that_could_not_be_canceled_at_once_are_found_again(world: World) -> None:
    provider = world.provider()
    drained, other = world.node(provider), world.node(provider)
    engine = world.engine()
    asks = [order(engine.process([world.ask(provider, node)])) for node in (drained, other)]
    with world.begin() as connection:
        set_draining(connection, provider, drained, True)
        [found] = asks_to_withdraw(connection)
        assert asks_to_withdraw(connection, other) == []
    assert (found.order, found.reason) == (asks[0]["id"], "node_drained")
    engine.process([world.cancel(found.order, provider, found.reason)])
    with world.begin() as connection:
        assert asks_to_withdraw(connection) == []
