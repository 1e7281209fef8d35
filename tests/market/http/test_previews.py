"""A preview tells the truth, and leaves nothing behind."""

from __future__ import annotations

from typing import Any

import pytest

from tests.market.factories import CODE
from tests.market.http.bodies import ask, bid, later, resting_bid
from tests.market.http.conftest import Http


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"guests": 3},
        {"guests": 9, "time_in_force": "ioc"},
        {"guests": 9, "time_in_force": "fok"},
        {"post_only": True},
        {"price": "0.006"},
        {"expires_at": later(30), "price": "0.006"},
        {"guests": 2, "slices_per_guest": 3, "duration_minutes": 400, "start_by": later(400)},
    ],
)
def test_what_a_preview_tells_is_what_happens(
    provider: Http, buyer: Http, node_id: str, fields: dict[str, Any]
) -> None:
    provider.post("/v1/orders", ask(node_id))
    before = (buyer.get("/v1/account").json(), buyer.get(f"/v1/instruments/{CODE}/book").json())
    answer = buyer.post("/v1/orders/preview", resting_bid(**fields))
    assert answer.status_code == 200, answer.text
    preview = answer.json()
    assert (buyer.get("/v1/account").json(), buyer.get(f"/v1/instruments/{CODE}/book").json()) == before
    assert buyer.get("/v1/orders").json()["items"] == []

    placed = buyer.post("/v1/orders", preview["order"]).json()
    for name in ("state", "reason", "explanation", "reserved", "guests_filled"):
        assert preview[name] == placed[name], name
    trades = buyer.get(f"/v1/instruments/{CODE}/trades").json()["items"]
    told = ("price", "start", "end", "guests", "slices_per_guest")
    assert preview["trades"] == [{name: trade[name] for name in told} for trade in trades]
    contracts = buyer.get("/v1/contracts").json()["items"]
    assert float(preview["value"]) == pytest.approx(sum(float(contract["value"]) for contract in contracts))


def test_an_offer_is_previewed_too(provider: Http, buyer: Http, node_id: str) -> None:
    buyer.post("/v1/orders", resting_bid(guests=2))
    preview = provider.post("/v1/orders/preview", ask(node_id)).json()
    assert (preview["state"], preview["slice_minutes_sold"], preview["guests_filled"]) == ("partially_filled", 20, None)
    assert provider.post("/v1/orders", preview["order"]).json()["slice_minutes_sold"] == 20


def test_the_body_of_a_preview_has_its_defaults_written_out(buyer: Http) -> None:
    order = buyer.post("/v1/orders/preview", bid()).json()["order"]
    assert (order["time_in_force"], order["guests"], order["guest"]["image"]) == ("gtc", 1, "default")
    assert buyer.post("/v1/orders/preview", bid(expires_at=later(9))).json()["order"]["time_in_force"] == "gtd"


@pytest.mark.parametrize("fault", [{"price": "0.000001"}, {"price": "60", "duration_minutes": 9000}, {"extra": 1}])
def test_what_would_be_refused_is_refused_with_the_same_problem(buyer: Http, fault: dict[str, Any]) -> None:
    preview, placed = (buyer.post(path, bid(**fault)) for path in ("/v1/orders/preview", "/v1/orders"))
    assert preview.status_code == placed.status_code == 422
    assert preview.json() == placed.json()
