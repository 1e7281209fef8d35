"""Bids of which only one is to trade, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.market.http.bodies import ask, bid, later, resting_bid
from tests.market.http.conftest import Http

PATH = "/v1/orders/exclusive"


def of(*bids: Any) -> dict[str, Any]:
    return {"bids": list(bids)}


def test_one_of_the_bids_trades_and_the_others_say_why_they_do_not(provider: Http, buyer: Http, node_id: str) -> None:
    answer = buyer.post(PATH, of(resting_bid(price="0.012"), bid(price="0.015", guests=2, start_by=later(200))))
    assert answer.status_code == 201, answer.text
    first, second = answer.json()["orders"]
    assert (first["state"], second["state"]) == ("new", "new")
    assert first["exclusive_group"] == second["exclusive_group"] == first["id"]
    assert (first["reserved"], second["reserved"]) == ("0.000000", "0.005950")
    provider.post("/v1/orders", ask(node_id))
    told = buyer.get(f"/v1/orders/{first['id']}").json()
    assert (told["state"], told["reason"]) == ("canceled", "exclusive_group")
    assert told["explanation"] == buyer.get(f"/v1/orders/{first['id']}/explain").json()["explanation"]
    assert buyer.get(f"/v1/orders/{second['id']}").json()["state"] == "filled"
    assert len(buyer.get("/v1/orders", params={"exclusive_group": first["id"]}).json()["items"]) == 2


def test_a_preview_tells_which_bid_would_trade_and_enters_nothing(provider: Http, buyer: Http, node_id: str) -> None:
    provider.post("/v1/orders", ask(node_id))
    answer = buyer.post(f"{PATH}/preview", of(resting_bid(price="0.006"), resting_bid(guests=2), resting_bid()))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["winner"] == 1
    assert [each["state"] for each in told["bids"]] == ["canceled", "filled", "canceled"]
    assert [(trade["price"], trade["guests"]) for trade in told["trades"]] == [("0.009000", 2)]
    assert buyer.get("/v1/orders").json()["items"] == []
    placed = buyer.post(PATH, told["order"]).json()["orders"]
    assert [each["state"] for each in placed] == ["canceled", "filled", "canceled"]


def test_a_whole_group_is_canceled_at_once(buyer: Http) -> None:
    first = buyer.post(PATH, of(resting_bid(), resting_bid(price="0.006"))).json()["orders"][0]
    buyer.post("/v1/orders", resting_bid())
    assert buyer.delete("/v1/orders", params={"exclusive_group": first["id"]}).json() == {"canceled": 2}
    assert buyer.delete("/v1/orders").json() == {"canceled": 1}


@pytest.mark.parametrize(
    ("bids", "code", "field"),
    [
        ([bid()], "invalid_field", "bids"),
        ([bid(), ask("n")], "invalid_field", "bids.1.side"),
        ([bid(), bid(instrument="ber1.std.firm")], "not_found", "bids.1.instrument"),
        ([bid(), bid(price="0.012001")], "off_tick", "bids.1.price"),
        ([bid(client_order_id="a"), bid()], "missing_field", "bids.1.client_order_id"),
        ([bid(), bid(client_order_id="a")], "invalid_field", "bids.1.client_order_id"),
        ([bid(client_order_id="a"), bid(client_order_id="a")], "invalid_field", "bids.1.client_order_id"),
        ([bid(), bid(price="60", duration_minutes=10_000)], "insufficient_funds", "bids.1.price"),
    ],
)
def test_what_is_wrong_with_one_bid_refuses_all_and_names_it(
    buyer: Http, bids: list[Any], code: str, field: str
) -> None:
    answer = buyer.post(PATH, of(*bids)).json()
    assert answer["code"] == code, answer
    assert field == answer["field"]
    assert buyer.get("/v1/orders").json()["items"] == []
