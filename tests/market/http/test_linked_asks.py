"""Offers that share what is free of their node, over HTTP."""

from __future__ import annotations

from tests.market.factories import CODE, ZONE
from tests.market.http.bodies import ask, bid, later
from tests.market.http.conftest import Http

MEM = f"{ZONE}.mem.firm"


def test_linked_offers_are_whole_until_one_sells(operator: Http, provider: Http, buyer: Http, node_id: str) -> None:
    opened = operator.post("/v1/instruments", {"zone": ZONE, "slice_class": "mem", "firmness": "firm"})
    assert opened.status_code == 201, opened.text
    preview = provider.post("/v1/orders/preview", ask(node_id, slices=8, linked=True)).json()["order"]
    std = provider.post("/v1/orders", preview).json()
    keep = {"vcpus": 1}
    mem = provider.post("/v1/orders", ask(node_id, instrument=MEM, slices=2, linked=True, keep=keep)).json()
    assert (std["linked"], mem["remaining"]) == (True, [{"start": later(1), "end": later(600), "slices": 2}])
    assert provider.post("/v1/orders", ask(node_id, slices=1)).json()["code"] == "insufficient_capacity"
    buyer.post("/v1/orders", bid(guests=3))
    cut = provider.get(f"/v1/orders/{mem['id']}").json()
    assert [(part["start"], part["slices"]) for part in cut["remaining"]] == [(later(1), 1), (later(11), 2)]
    buyer.post("/v1/orders", bid(guests=5, duration_minutes=599))
    ended = provider.get(f"/v1/orders/{mem['id']}").json()
    assert (ended["state"], ended["reason"], ended["remaining"]) == ("canceled", "linked", [])
    assert buyer.get(f"/v1/instruments/{CODE}/book").status_code == 200


def test_what_is_to_be_kept_goes_with_linked_offers_only(provider: Http, node_id: str) -> None:
    refused = provider.post("/v1/orders", ask(node_id, keep={"vcpus": 1})).json()
    assert (refused["code"], refused["field"]) == ("invalid_field", "keep")
    much = provider.post("/v1/orders", ask(node_id, slices=8, linked=True, keep={"vcpus": 1})).json()
    assert much["code"] == "insufficient_capacity"
