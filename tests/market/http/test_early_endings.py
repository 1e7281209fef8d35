"""Contracts that end early, over HTTP: who may, what it costs, and that both sides see it."""

from __future__ import annotations

from tests.market.factories import CODE
from tests.market.http.bodies import ask, bid
from tests.market.http.conftest import Http

SPOT = {"zone": "fra1", "slice_class": "std", "firmness": "spot"}


def deal(provider: Http, buyer: Http, node_id: str, instrument: str = CODE) -> str:
    assert provider.post("/v1/orders", ask(node_id, instrument=instrument)).status_code == 201
    assert buyer.post("/v1/orders", bid(instrument=instrument)).json()["state"] == "filled"
    [made] = [row["id"] for row in buyer.get("/v1/contracts").json()["items"] if row["instrument"] == instrument]
    return str(made)


def test_a_buyer_releases_and_gets_the_rest_back_at_once(provider: Http, buyer: Http, node_id: str) -> None:
    path = f"/v1/contracts/{deal(provider, buyer, node_id)}"
    assert buyer.get(path).json()["ended"] is None
    assert provider.post(f"{path}/release").json()["code"] == "not_your_side"
    assert provider.post(f"{path}/release/preview").json()["code"] == "not_your_side"
    previews = [buyer.post(f"{path}/release/preview").json() for _ in range(2)]
    assert buyer.get(path).json()["state"] == "scheduled"
    ended = buyer.post(f"{path}/release")
    assert ended.status_code == 200, ended.text
    told = ended.json()
    shown = {"ended": told["contract"]["ended"]} | {name: told[name] for name in ("fee", "refund", "compensation")}
    assert previews == [shown, shown]
    assert buyer.post(f"{path}/release/preview").json()["code"] == "state_forbids"
    assert (told["contract"]["state"], told["contract"]["ended"]) == ("released", told["contract"]["start"])
    assert (told["fee"], told["refund"], told["compensation"]) == ("0.000357", "0.001428", "0.000000")
    assert provider.get(path).json() == told["contract"] | {"role": "provider"}
    again = buyer.post(f"{path}/release")
    assert (again.status_code, again.json()["code"]) == (409, "state_forbids")
    available = buyer.get("/v1/account").json()["available"]
    assert available == "99.999643", "a hundred less the fee with VAT"


def test_a_provider_reclaims_what_is_spot(operator: Http, provider: Http, buyer: Http, node_id: str) -> None:
    firm = f"/v1/contracts/{deal(provider, buyer, node_id)}"
    assert provider.post(f"{firm}/reclaim").json()["code"] == "not_reclaimable"
    assert operator.post("/v1/instruments", SPOT).status_code == 201
    spot = f"/v1/contracts/{deal(provider, buyer, node_id, 'fra1.std.spot')}"
    assert buyer.post(f"{spot}/reclaim").json()["code"] == "not_your_side"
    preview = provider.post(f"{spot}/reclaim/preview").json()
    told = provider.post(f"{spot}/reclaim").json()
    assert (preview["ended"], preview["compensation"]) == (told["contract"]["ended"], told["compensation"])
    assert (told["contract"]["role"], told["contract"]["state"]) == ("provider", "reclaimed")
    assert told["compensation"] == "0.000120"


def test_an_operator_busts_and_says_why(operator: Http, provider: Http, buyer: Http, node_id: str) -> None:
    path = f"/v1/contracts/{deal(provider, buyer, node_id)}"
    assert buyer.post(f"{path}/bust", {"reason": "mine"}).json()["code"] == "scope_missing"
    assert operator.post(f"{path}/bust", {}).json()["code"] == "missing_field"
    told = operator.post(f"{path}/bust", {"reason": "a wrong price"}).json()
    assert (told["contract"]["state"], told["contract"]["reason"]) == ("busted", "a wrong price")
    assert buyer.get("/v1/account").json()["available"] == "100.000000"


def test_nobody_ends_what_is_anothers(operator: Http, provider: Http, buyer: Http, node_id: str) -> None:
    path = f"/v1/contracts/{deal(provider, buyer, node_id)}"
    for verb in ("release", "reclaim"):
        assert operator.post(f"{path}/{verb}").status_code == 404
    assert operator.post("/v1/contracts/con_none/bust", {"reason": "x"}).status_code == 404
