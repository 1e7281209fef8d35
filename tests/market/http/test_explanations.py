"""An order that does not trade learns what would, and finds it true."""

from __future__ import annotations

from tests.market.http.bodies import ask, resting_bid
from tests.market.http.conftest import Http


def test_a_bid_is_told_which_price_fills_it_and_at_that_price_it_fills(
    provider: Http, buyer: Http, node_id: str
) -> None:
    provider.post("/v1/orders", ask(node_id))
    placed = buyer.post("/v1/orders", resting_bid(price="0.006", guests=2)).json()
    told = buyer.get(f"/v1/orders/{placed['id']}/explain")
    assert told.status_code == 200, told.text
    assert told.json()["state"] == "new"
    [variant] = told.json()["variants"]
    assert (variant["change"], variant["guests"]) == ("price", 2)
    amended = buyer.api.patch(
        f"/v1/orders/{placed['id']}", json={"revision": placed["revision"], "price": variant["value"]}
    )
    assert amended.json()["state"] == "filled"
    done = buyer.get(f"/v1/orders/{placed['id']}/explain").json()
    assert (done["reason"], done["variants"]) == ("fully_filled", [])


def test_only_the_owner_is_told(provider: Http, buyer: Http) -> None:
    placed = buyer.post("/v1/orders", resting_bid(client_order_id="mine")).json()
    assert provider.get(f"/v1/orders/{placed['id']}/explain").status_code == 404
    alone = buyer.get("/v1/orders/client:mine/explain").json()
    assert alone["variants"] == []
    assert "No offer fits" in alone["explanation"]
