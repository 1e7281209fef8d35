"""The event feed over HTTP: from any position, without a gap."""

from __future__ import annotations

from tests.market.http.bodies import ask, bid, resting_bid
from tests.market.http.conftest import Http

STREAM = "/v1/feed/engine.fra1"


def test_every_change_is_read_once_and_in_order(operator: Http, provider: Http, buyer: Http, node_id: str) -> None:
    offered = provider.post("/v1/orders", ask(node_id)).json()["id"]
    wanted = buyer.post("/v1/orders", bid(guests=2)).json()["id"]
    whole = operator.get(STREAM).json()["items"]
    assert [event["position"] for event in whole] == list(range(1, len(whole) + 1))
    assert {event["kind"] for event in whole} == {"order", "trade", "contract"}
    assert {offered, wanted} <= {event["subject"] for event in whole}
    assert {"stream": "engine.fra1", "newest": len(whole)} in operator.get("/v1/feed").json()

    parts, after = [], 0
    while items := (part := operator.get(STREAM, params={"after": after, "limit": 2}).json())["items"]:
        parts += items
        after = part["next"]
    assert parts == whole


def test_a_reader_goes_on_where_there_was_nothing_new(operator: Http, buyer: Http) -> None:
    buyer.post("/v1/orders", resting_bid())
    end = operator.get(STREAM).json()["next"]
    assert operator.get(STREAM, params={"after": end}).json() == {"items": [], "next": end}
    buyer.delete("/v1/orders")
    [event] = operator.get(STREAM, params={"after": end}).json()["items"]
    assert (event["position"], event["payload"]["state"]) == (end + 1, "canceled")


def test_the_feed_is_the_operators_and_its_streams_are_known(operator: Http, buyer: Http) -> None:
    assert buyer.get("/v1/feed").json()["code"] == "scope_missing"
    assert buyer.get(STREAM).json()["code"] == "scope_missing"
    assert operator.get("/v1/feed/engine.ams1").json()["code"] == "not_found"
    for after in ("-1", "x", "1.0", str(2**63)):
        assert operator.get(STREAM, params={"after": after}).json()["code"] == "invalid_field"
