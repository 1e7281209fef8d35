"""A consumer sells the rest of what it bought: over HTTP, from the form to the lineage."""

from __future__ import annotations

from tests.market.factories import CODE, World
from tests.market.http.bodies import PROVIDER, ask, bid, later
from tests.market.http.conftest import Http, joined


def test_a_consumer_turns_into_a_provider_and_sells_the_rest_of_its_contract(
    world: World, operator: Http, provider: Http, buyer: Http, node_id: str
) -> None:
    assert provider.post("/v1/orders", ask(node_id, slices=2)).status_code == 201
    assert buyer.post("/v1/orders", bid(duration_minutes=60, slices_per_guest=2)).json()["state"] == "filled"
    [bought] = buyer.get("/v1/contracts").json()["items"]
    rest = {"side": "ask", "instrument": CODE, "price": "0.009", "contract": bought["id"]}
    assert buyer.post("/v1/orders", rest).json()["code"] == "not_a_provider"
    assert buyer.post("/v1/providers", PROVIDER).status_code == 201
    assert buyer.post("/v1/orders", rest | {"node": node_id}).json()["field"] == "node"
    assert buyer.post("/v1/orders", rest | {"contract": None}).json()["code"] == "missing_field"
    assert buyer.post("/v1/orders/preview", rest).json()["state"] == "new"
    offer = buyer.post("/v1/orders", rest).json()
    assert (offer["contract"], offer["node"], offer["slices"]) == (bought["id"], None, 2)
    assert (offer["available_until"], offer["reserved"]) == (bought["end"], "0.000000")
    assert provider.post("/v1/orders", rest).json()["code"] == "not_found"

    other = joined(operator, "Other Builds", "other@example.org", "100.00")
    wanted = bid(duration_minutes=40, slices_per_guest=2, start_by=later(60))
    told = other.post("/v1/orders/preview", wanted).json()
    assert [trade["start"] for trade in told["trades"]] == [later(21)]
    assert other.post("/v1/orders", wanted).json()["state"] == "filled"
    [part] = other.get("/v1/contracts").json()["items"]
    whole = buyer.get(f"/v1/contracts/{bought['id']}").json()
    assert (part["start"], part["end"], part["resold_from"]) == (later(21), bought["end"], bought["id"])
    assert (whole["state"], whole["ended"], whole["resold_to"]) == ("resold", later(21), part["id"])
    assert buyer.get(f"/v1/contracts/{part['id']}").json()["role"] == "provider"

    seen = other.get(f"/v1/contracts/{part['id']}/lineage").json()["resales"]
    assert [(each["contract"], each["price"] is None) for each in seen] == [(bought["id"], True), (part["id"], False)]
    assert [each["contract"] for each in buyer.get(f"/v1/contracts/{bought['id']}/lineage").json()["resales"]] == [
        bought["id"],
        part["id"],
    ]
    delivered = {"contract": part["id"], "start": part["start"], "end": bought["end"]}
    assert buyer.get(f"/v1/contracts/{bought['id']}/lineage").json()["delivered_by"] == [delivered]
    assert other.get(f"/v1/contracts/{part['id']}/lineage").json()["delivered_by"] == []
    released = other.post(f"/v1/contracts/{part['id']}/release").json()
    assert released["contract"]["state"] == "released"
    assert buyer.get(f"/v1/contracts/{bought['id']}").json()["state"] == "scheduled"
