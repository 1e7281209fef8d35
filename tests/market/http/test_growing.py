"""A guest that grows and shrinks over HTTP: one call, with a preview, and both parties see the contracts."""

from __future__ import annotations

import pytest

from tests.market.http.bodies import ask, bid, later
from tests.market.http.conftest import Http


@pytest.fixture
def path(provider: Http, buyer: Http, node_id: str) -> str:
    """A contract for ten minutes, with three slices more of its node on offer."""
    provider.post("/v1/orders", ask(node_id, available_until=later(30)))
    assert buyer.post("/v1/orders", bid()).json()["state"] == "filled"
    [made] = buyer.get("/v1/contracts").json()["items"]
    return f"/v1/contracts/{made['id']}"


def test_one_call_buys_slices_and_another_gives_them_back(path: str, provider: Http, buyer: Http) -> None:
    more = {"slices": 3, "price": "0.012"}
    cash = buyer.get("/v1/account").json()["available"]
    preview = buyer.post(f"{path}/rescale/preview", more).json()
    assert preview == {"price": "0.009000", "escrow": "0.003570", "fee": "0.000000", "refund": "0.000000"}
    assert buyer.get("/v1/account").json()["available"] == cash
    grown = buyer.post(f"{path}/rescale", more)
    assert grown.status_code == 200, grown.text
    assert (grown.json()["vcpus"], grown.json()["memory_mib"], grown.json()["disk_gib"]) == (3, 6144, 10)
    assert buyer.post(f"{path}/rescale", more).json()["revision"] == grown.json()["revision"], "it is done already"
    main, linked = buyer.get("/v1/contracts").json()["items"]
    if main["grows"]:
        main, linked = linked, main
    assert (linked["grows"], linked["slices"], linked["end"]) == (main["id"], 2, main["end"])
    assert provider.get(f"/v1/contracts/{linked['id']}").json()["grows"] is None
    lineage = buyer.get(f"/v1/contracts/{linked['id']}/lineage").json()
    assert lineage["delivered_by"] == [{"contract": main["id"], "start": linked["start"], "end": main["end"]}]
    for call in ("stop", "release"):
        assert buyer.post(f"/v1/contracts/{linked['id']}/{call}").json()["code"] == "state_forbids"
    fewer = buyer.post(f"{path}/rescale/preview", {"slices": 1}).json()
    assert (fewer["price"], fewer["fee"], fewer["refund"]) == (None, "0.000714", "0.002856")
    assert buyer.post(f"{path}/rescale", {"slices": 1}).json()["vcpus"] == 1
    assert buyer.get(f"/v1/contracts/{linked['id']}").json()["state"] == "released"


def test_what_is_refused_says_why(path: str, provider: Http, buyer: Http) -> None:
    def refused(body: dict[str, object], who: Http = buyer, query: str = "") -> tuple[str, str | None]:
        told = who.post(f"{path}/rescale{query}", body).json()
        return told["code"], told.get("field")

    assert refused({"slices": 9, "price": "0.012"}) == ("not_on_offer", "slices")
    assert refused({"slices": 2}) == ("missing_field", "price")
    assert refused({"slices": 2, "price": "0.012", "vcpus": 1}) == ("invalid_field", "vcpus")
    assert refused({"price": "0.012"}) == ("missing_field", "slices")
    assert refused({"slices": 2, "price": "0.012"}, query="?revision=1") == ("invalid_field", "revision")
    assert refused({"slices": 2, "price": "0.012"}, who=provider)[0] == "not_your_side"
