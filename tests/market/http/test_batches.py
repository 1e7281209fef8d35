"""Many orders in one call: each is answered on its own."""

from __future__ import annotations

import json
from typing import Any

from tests.market.http.bodies import ask, bid, resting_bid
from tests.market.http.conftest import Http


def results(caller: Http, orders: list[Any]) -> list[dict[str, Any]]:
    answer = caller.post("/v1/orders/batch", {"orders": orders})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def test_each_order_of_a_batch_has_its_own_result_in_order(provider: Http, node_id: str) -> None:
    faulty: list[Any] = [
        bid(price="0.000001"),
        bid(extra=1),
        bid(instrument="fra9.std.firm"),
        bid(instrument="nonsense"),
        {"side": "buy"},
        {},
        7,
        [],
        bid(guest={"name": "\x00"}),
        bid(time_in_force="gtd"),
        bid(post_only=True, time_in_force="ioc"),
    ]
    found = results(provider, [ask(node_id), *faulty, resting_bid(self_trade_prevention="cancel_maker")])
    assert found[0]["order"]["side"] == "ask"
    assert found[-1]["order"]["state"] == "new"
    for entry, result in zip(faulty, found[1:-1], strict=True):
        single = provider.post("/v1/orders", entry)
        assert single.json() == result["problem"]
        assert result.keys() == {"problem"}
    assert provider.get(f"/v1/orders/{found[0]['order']['id']}").json()["reason"] == "self_trade"


def test_orders_of_a_batch_see_the_money_that_those_before_them_bound(buyer: Http) -> None:
    dear = resting_bid(price="60", duration_minutes=60)
    found = results(buyer, [dear, dear, resting_bid()])
    assert [result.get("problem", {}).get("code") for result in found] == [None, "insufficient_funds", None]


def test_a_batch_sent_again_enters_nothing_twice(buyer: Http) -> None:
    orders = [resting_bid(client_order_id=f"row-{row}", price="0.006") for row in range(5)]
    assert results(buyer, orders) == results(buyer, orders)
    reused = results(buyer, [orders[0] | {"guests": 2}, orders[0]])
    assert [result.get("problem", {}).get("code") for result in reused] == ["client_order_id_reused", None]
    assert len(buyer.get("/v1/orders").json()["items"]) == 5


def test_a_key_to_sell_has_its_bids_refused_and_its_asks_taken(provider: Http, operator: Http, node_id: str) -> None:
    made = provider.post("/v1/keys", {"name": "seller", "scopes": ["provide"]}).json()
    found = results(operator.as_(made["api_key"]), [bid(), ask(node_id)])
    assert (found[0]["problem"]["code"], found[0]["problem"]["status"]) == ("scope_missing", 403)
    assert found[1]["order"]["state"] == "new"


def test_a_thousand_large_orders_are_all_answered(buyer: Http, provider: Http) -> None:
    """More than one message on the bus holds, in either direction."""
    avoided = [provider.participant] * 50
    order = resting_bid(price="0.00006", duration_minutes=1, avoid_providers=avoided)
    found = results(buyer, [order] * 1000)
    assert [result["order"]["state"] for result in found] == ["new"] * 1000
    sequence = [result["order"]["id"] for result in found]
    assert len(set(sequence)) == 1000
    assert buyer.delete("/v1/orders").json() == {"canceled": 1000}


def test_a_batch_has_its_limits(buyer: Http) -> None:
    for orders, code in (([], "invalid_field"), ([bid()] * 1001, "invalid_field")):
        answer = buyer.post("/v1/orders/batch", {"orders": orders})
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, code, "orders")
    large = json.dumps({"orders": [bid(guest={"user_data": "x" * 16_000})] * 140}).encode()
    assert len(large) > 2 * 1024 * 1024
    answer = buyer.api.post("/v1/orders/batch", content=large, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    fits = {"orders": [bid(guest={"user_data": "x" * 16_000}, price="0.00006")] * 120}
    assert len(results(buyer, fits["orders"])) == 120


def test_a_zone_without_an_engine_is_the_problem_of_its_own_orders(operator: Http, buyer: Http) -> None:
    away = {"zone": "ams1", "slice_class": "std", "firmness": "firm"}
    assert operator.post("/v1/instruments", away).status_code == 201
    found = results(buyer, [bid(instrument="ams1.std.firm"), resting_bid()])
    assert (found[0]["problem"]["code"], found[0]["problem"]["status"]) == ("engine_unavailable", 503)
    assert found[1]["order"]["state"] == "new"
