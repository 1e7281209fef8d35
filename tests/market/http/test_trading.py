from __future__ import annotations

from common.minutes import minute_text
from tests.market.factories import CODE, START_MINUTE
from tests.market.http.bodies import ask, bid, later
from tests.market.http.conftest import Http


def test_an_order_is_answered_as_it_stands_after_its_trades(provider: Http, buyer: Http, node_id: str) -> None:
    placed = provider.post("/v1/orders", ask(node_id))
    assert (placed.status_code, placed.json()["state"]) == (201, "new")
    bought = buyer.post("/v1/orders", bid(guests=2, client_order_id="two"))
    assert bought.status_code == 201, bought.text
    assert bought.json()["state"] == "filled"
    assert buyer.get("/v1/orders/client:two").json() == bought.json()
    contracts = buyer.get("/v1/contracts").json()["items"]
    assert [(row["price"], row["state"], row["role"]) for row in contracts] == [("0.009000", "scheduled", "buyer")] * 2
    assert provider.get(f"/v1/contracts/{contracts[0]['id']}").json()["role"] == "provider"
    trades = buyer.get(f"/v1/instruments/{CODE}/trades").json()["items"]
    assert [trade["guests"] for trade in trades] == [2]


def test_the_book_shows_what_rests(provider: Http, buyer: Http, node_id: str) -> None:
    provider.post("/v1/orders", ask(node_id))
    buyer.post("/v1/orders", bid(price="0.006", start_by=minute_text(START_MINUTE + 100)))
    book = buyer.get(f"/v1/instruments/{CODE}/book").json()
    assert book["asks"] == [{"price": "0.009000", "slices": 4}]
    assert book["bids"] == [{"price": "0.006000", "slices": 1}]


def test_the_book_tells_what_could_execute(provider: Http, buyer: Http, node_id: str) -> None:
    provider.post("/v1/orders", ask(node_id))
    path = f"/v1/instruments/{CODE}/book"
    told = buyer.get(path, params={"duration": 30, "slices_per_guest": 2}).json()
    assert told["executable"] == [{"price": "0.009000", "guests": 2}]
    late = {"duration": 30, "start": later(590)}
    assert buyer.get(path, params=late).json()["executable"] == []
    assert buyer.get(path).json()["executable"] is None
    without = buyer.get(path, params={"slices_per_guest": 2}).json()
    assert (without["code"], without["field"]) == ("missing_field", "duration")


def test_a_cancel_frees_the_money_and_may_be_repeated(buyer: Http) -> None:
    placed = buyer.post("/v1/orders", bid(start_by=minute_text(START_MINUTE + 100))).json()
    assert buyer.get("/v1/account").json()["reserved"] == placed["reserved"] != "0.000000"
    for _ in range(2):
        assert buyer.delete(f"/v1/orders/{placed['id']}").json()["state"] == "canceled"
    assert buyer.get("/v1/account").json()["available"] == "100.000000"


def test_lists_come_in_pages_that_miss_nothing(buyer: Http) -> None:
    made = [buyer.post("/v1/orders", bid(start_by=minute_text(START_MINUTE + 9))).json()["id"] for _ in range(5)]
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = buyer.get("/v1/orders", params={"after": after, "limit": 2}).json()
        seen += [order["id"] for order in page["items"]]
        after = page["next"]
    assert sorted(seen) == sorted(made)


def test_nobody_sees_what_is_anothers(provider: Http, buyer: Http, node_id: str) -> None:
    placed = buyer.post("/v1/orders", bid(start_by=minute_text(START_MINUTE + 9))).json()["id"]
    assert provider.get(f"/v1/orders/{placed}").status_code == 404
    assert provider.delete(f"/v1/orders/{placed}").status_code == 404
    assert buyer.get(f"/v1/nodes/{node_id}").status_code == 404
    assert buyer.post("/v1/orders", ask(node_id)).json()["code"] == "not_a_provider"


def test_entries_tell_where_the_money_went(provider: Http, buyer: Http, node_id: str) -> None:
    provider.post("/v1/orders", ask(node_id))
    buyer.post("/v1/orders", bid())
    entries = buyer.get("/v1/account/entries").json()["items"]
    assert [(entry["kind"], entry["account"]) for entry in entries] == [
        ("deposit", "cash"), ("trade", "cash"), ("trade", "escrow")
    ]  # fmt: skip
