"""PATCH and DELETE of orders."""

from __future__ import annotations

from tests.market.factories import CODE
from tests.market.http.bodies import ask, resting_bid
from tests.market.http.conftest import Http


def test_fewer_guests_free_the_money_of_the_others(buyer: Http) -> None:
    placed = buyer.post("/v1/orders", resting_bid(guests=4, client_order_id="mine")).json()
    amended = buyer.patch("/v1/orders/client:mine", {"revision": 1, "guests": 1})
    assert amended.status_code == 200, amended.text
    assert (amended.json()["id"], amended.json()["revision"], amended.json()["guests"]) == (placed["id"], 2, 1)
    assert float(amended.json()["reserved"]) == float(placed["reserved"]) / 4
    assert buyer.get("/v1/orders/client:mine").json() == amended.json()


def test_another_price_is_an_entry_anew_and_may_trade(provider: Http, buyer: Http, node_id: str) -> None:
    provider.post("/v1/orders", ask(node_id))
    placed = buyer.post("/v1/orders", resting_bid(price="0.006")).json()
    amended = buyer.patch(f"/v1/orders/{placed['id']}", {"revision": 1, "price": "0.012"}).json()
    assert (amended["state"], amended["price"], amended["revision"]) == ("filled", "0.012000", 2)


def test_fewer_slices_of_an_offer_leave_the_book_smaller(provider: Http, node_id: str) -> None:
    placed = provider.post("/v1/orders", ask(node_id)).json()
    assert provider.patch(f"/v1/orders/{placed['id']}", {"revision": 1, "slices": 3}).json()["slices"] == 3
    assert provider.get(f"/v1/instruments/{CODE}/book").json()["asks"] == [{"price": "0.009000", "slices": 3}]


FAULTS: list[tuple[dict[str, object], int, str, str]] = [
    ({"guests": 1}, 422, "missing_field", "revision"),
    ({"revision": 1}, 422, "missing_field", "price"),
    ({"revision": 1, "guests": None}, 422, "missing_field", "price"),
    ({"revision": 1, "guests": 1, "price": "0.006"}, 422, "invalid_field", "price"),
    ({"revision": 2, "guests": 1}, 409, "revision_mismatch", "revision"),
    ({"revision": 0, "guests": 1}, 422, "invalid_field", "revision"),
    ({"revision": 1, "guests": 2}, 422, "invalid_field", "guests"),
    ({"revision": 1, "guests": 0}, 422, "invalid_field", "guests"),
    ({"revision": 1, "slices": 1}, 422, "invalid_field", "slices"),
    ({"revision": 1, "price": "0.000001"}, 422, "off_tick", "price"),
    ({"revision": 1, "price": "66"}, 422, "price_out_of_bounds", "price"),
    ({"revision": 1, "price": "60", "guests": None}, 422, "insufficient_funds", "price"),
    ({"revision": 1, "duration_minutes": 5}, 422, "unknown_field", "duration_minutes"),
]


def test_a_refused_amendment_changes_nothing(buyer: Http) -> None:
    placed = buyer.post("/v1/orders", resting_bid(guests=2, duration_minutes=100)).json()
    path = f"/v1/orders/{placed['id']}"
    for change, *expected in FAULTS:
        answer = buyer.patch(path, change)
        assert [answer.status_code, answer.json()["code"], answer.json()["field"]] == expected, change
    assert buyer.get(path).json() == placed


def test_what_is_done_is_not_amended(buyer: Http, provider: Http) -> None:
    placed = buyer.post("/v1/orders", resting_bid()).json()["id"]
    assert provider.patch(f"/v1/orders/{placed}", {"revision": 1, "guests": 1}).status_code == 404
    buyer.delete(f"/v1/orders/{placed}")
    answer = buyer.patch(f"/v1/orders/{placed}", {"revision": 1, "price": "0.006"})
    assert (answer.status_code, answer.json()["code"]) == (409, "state_forbids")


def test_all_orders_are_canceled_or_those_that_are_meant(provider: Http, buyer: Http, node_id: str) -> None:
    for _ in range(3):
        provider.post("/v1/orders", resting_bid(price="0.006"))
    provider.post("/v1/orders", ask(node_id))
    buyer.post("/v1/orders", resting_bid(price="0.006"))
    assert provider.delete("/v1/orders", params={"side": "ask", "instrument": CODE}).json() == {"canceled": 1}
    assert provider.delete("/v1/orders", params={"instrument": "fra1.mem.firm"}).status_code == 404
    assert provider.delete("/v1/orders").json() == {"canceled": 3}
    assert provider.delete("/v1/orders").json() == {"canceled": 0}
    assert provider.get("/v1/orders", params={"open": "true"}).json()["items"] == []
    assert len(buyer.get("/v1/orders", params={"open": "true"}).json()["items"]) == 1


def test_a_filter_that_is_misspelt_cancels_nothing(buyer: Http) -> None:
    buyer.post("/v1/orders", resting_bid())
    answer = buyer.delete("/v1/orders", params={"instrumnet": CODE})
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "unknown_field", "instrumnet")
    assert len(buyer.get("/v1/orders", params={"open": "true"}).json()["items"]) == 1


def test_a_key_to_sell_cancels_and_amends_no_bids(provider: Http, operator: Http, node_id: str) -> None:
    made = provider.post("/v1/keys", {"name": "seller", "scopes": ["provide"]}).json()
    seller = operator.as_(made["api_key"])
    wanted = provider.post("/v1/orders", resting_bid(price="0.006")).json()["id"]
    offered = seller.post("/v1/orders", ask(node_id)).json()["id"]
    for answer in (
        seller.delete("/v1/orders"),
        seller.delete(f"/v1/orders/{wanted}"),
        seller.patch(f"/v1/orders/{wanted}", {"revision": 1, "price": "0.012"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert seller.patch(f"/v1/orders/{offered}", {"revision": 1, "slices": 1}).status_code == 200
    assert seller.delete("/v1/orders", params={"side": "ask"}).json() == {"canceled": 1}


def test_lists_hold_what_their_filters_name(provider: Http, node_id: str) -> None:
    done = provider.post("/v1/orders", resting_bid(price="0.006")).json()["id"]
    provider.delete(f"/v1/orders/{done}")
    rests = provider.post("/v1/orders", resting_bid(price="0.006")).json()["id"]
    offered = provider.post("/v1/orders", ask(node_id)).json()["id"]
    for query, expected in (
        ({}, [done, rests, offered]),
        ({"open": "true"}, [rests, offered]),
        ({"open": "false"}, [done]),
        ({"side": "ask"}, [offered]),
        ({"state": "new", "side": "bid"}, [rests]),
        ({"instrument": CODE, "state": "canceled"}, [done]),
        ({"instrument": "fra1.mem.firm"}, []),
    ):
        found = provider.get("/v1/orders", params=query).json()["items"]
        assert [order["id"] for order in found] == sorted(expected), query
