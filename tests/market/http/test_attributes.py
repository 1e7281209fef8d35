"""Every attribute of an order does over HTTP what the market's rules say, and shows in the order afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from common.minutes import minute_text
from tests.market.factories import START_MINUTE, World
from tests.market.http.bodies import ask, bid, later, resting_bid
from tests.market.http.conftest import Http


@pytest.mark.parametrize(
    ("fields", "tif", "state", "reason"),
    [
        ({}, "gtc", "filled", "fully_filled"),
        ({"time_in_force": "gtc", "guests": 5}, "gtc", "partially_filled", None),
        ({"time_in_force": "ioc", "guests": 5}, "ioc", "canceled", "ioc_remainder"),
        ({"time_in_force": "fok", "guests": 5}, "fok", "rejected", "fok_unfilled"),
        ({"time_in_force": "fok", "guests": 4}, "fok", "filled", "fully_filled"),
        ({"expires_at": later(20)}, "gtd", "filled", "fully_filled"),
        ({"expires_at": later(0)}, "gtd", "rejected", "expires_at_passed"),
        ({"post_only": True}, "gtc", "rejected", "post_only_would_trade"),
        ({"min_reliability_ppm": 1}, "gtc", "new", None),
    ],
)
def test_an_attribute_decides_what_becomes_of_an_order(
    provider: Http, buyer: Http, node_id: str, fields: dict[str, Any], tif: str, state: str, reason: str | None
) -> None:
    assert provider.post("/v1/orders", ask(node_id)).json()["state"] == "new"
    order = buyer.post("/v1/orders", bid(start_by=later(1)) | fields).json()
    assert (order["time_in_force"], order["state"], order["reason"]) == (tif, state, reason)
    assert (order["explanation"] is None) == (reason is None)


def test_an_order_shows_all_that_it_was_placed_with(buyer: Http, provider: Http, node_id: str) -> None:
    attributes = {
        "time_in_force": "gtd",
        "expires_at": later(50),
        "post_only": True,
        "self_trade_prevention": "cancel_both",
        "nodes": [node_id],
        "avoid_providers": [provider.participant],
        "min_reliability_ppm": 900_000,
        "replace_on_failure": True,
    }
    placed = buyer.post("/v1/orders", resting_bid(**attributes)).json()
    assert {name: placed[name] for name in attributes} == attributes
    assert buyer.get(f"/v1/orders/{placed['id']}").json() == placed
    offered = provider.post("/v1/orders", ask(node_id, self_trade_prevention="cancel_maker")).json()
    assert (offered["self_trade_prevention"], offered["nodes"]) == ("cancel_maker", None)


def test_a_bid_passes_over_what_its_conditions_exclude(provider: Http, buyer: Http, node_id: str) -> None:
    provider.post("/v1/orders", ask(node_id))
    elsewhere = node_id[:-1] + ("0" if node_id[-1] != "0" else "1")
    for condition in ({"nodes": [elsewhere]}, {"avoid_providers": [provider.participant]}):
        assert buyer.post("/v1/orders", resting_bid(**condition)).json()["state"] == "new"
    assert buyer.post("/v1/orders", resting_bid(nodes=[elsewhere, node_id])).json()["state"] == "filled"


def test_a_good_till_date_order_expires_at_its_minute(buyer: Http, world: World) -> None:
    placed = buyer.post("/v1/orders", resting_bid(expires_at=later(5))).json()
    world.real.pass_minutes(5)
    other = buyer.post("/v1/orders", resting_bid(start_by=minute_text(START_MINUTE + 200))).json()
    assert other["state"] == "new"
    ended = buyer.get(f"/v1/orders/{placed['id']}").json()
    while ended["state"] == "new":  # the engine's own clockwork does it, at its next turn
        ended = buyer.get(f"/v1/orders/{placed['id']}").json()
    assert (ended["state"], ended["reason"], ended["reserved"]) == ("expired", "expires_at_reached", "0.000000")


@pytest.mark.parametrize(
    ("mode", "gone"), [("cancel_taker", {"bid"}), ("cancel_maker", {"ask"}), ("cancel_both", {"ask", "bid"})]
)
def test_one_participant_never_trades_with_itself(provider: Http, node_id: str, mode: str, gone: set[str]) -> None:
    provider.post("/v1/orders", ask(node_id))
    provider.post("/v1/orders", resting_bid(self_trade_prevention=mode))
    orders = provider.get("/v1/orders").json()["items"]
    assert {order["side"] for order in orders if order["reason"] == "self_trade"} == gone
    assert provider.get("/v1/contracts").json()["items"] == []
