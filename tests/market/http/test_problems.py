"""Problems that do not depend on a field: keys, scopes, what does not exist or exists already."""

from __future__ import annotations

from typing import Any

import pytest

from common.minutes import minute_text
from tests.market.factories import CODE, START_MINUTE
from tests.market.http.conftest import Http

GOOD: dict[str, Any] = {"side": "bid", "instrument": CODE, "price": "0.012", "duration_minutes": 10}


def test_the_same_client_order_id_with_another_content_is_a_conflict(buyer: Http) -> None:
    body = GOOD | {"client_order_id": "mine", "start_by": minute_text(START_MINUTE + 50)}
    first, again = (buyer.post("/v1/orders", body) for _ in range(2))
    assert first.json() == again.json()
    other = buyer.post("/v1/orders", body | {"guests": 2})
    assert (other.status_code, other.json()["code"]) == (409, "client_order_id_reused")


def test_calls_need_a_key_and_its_scope(operator: Http, buyer: Http) -> None:
    anonymous = operator.as_(None).get("/v1/orders")
    assert (anonymous.status_code, anonymous.json()["code"]) == (401, "key_missing")
    assert anonymous.headers["www-authenticate"] == "Bearer"
    for text in ("nx.key_0.x", "x", f"{buyer.key}x", "nx." + "k" * 5000):
        assert operator.as_(text).get("/v1/orders").json()["code"] == "key_invalid"
    made = buyer.post("/v1/keys", {"name": "reader", "scopes": ["read"]}).json()
    reader = operator.as_(made["api_key"])
    assert reader.get("/v1/orders").status_code == 200
    assert reader.post("/v1/orders", GOOD).json()["code"] == "scope_missing"
    assert buyer.post("/v1/deposits", {"participant": buyer.participant, "amount": "1", "key": "k"}).status_code == 403
    assert buyer.post("/v1/keys", {"name": "x", "scopes": ["operate"]}).status_code == 422


def test_a_key_to_sell_does_not_buy(buyer: Http, operator: Http) -> None:
    made = buyer.post("/v1/keys", {"name": "seller", "scopes": ["provide"]}).json()
    answer = operator.as_(made["api_key"]).post("/v1/orders", GOOD)
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


def test_a_key_makes_none_that_outlives_it(buyer: Http, operator: Http) -> None:
    until = "2099-01-01T00:00:00Z"
    made = buyer.post("/v1/keys", {"name": "short", "scopes": ["trade"], "expires_at": until}).json()
    short = operator.as_(made["api_key"])
    for expires_at, status in ((None, 422), ("2100-01-01T00:00:00Z", 422), (until, 201)):
        body = {"name": "next", "scopes": ["trade"], "expires_at": expires_at}
        assert short.post("/v1/keys", body).status_code == status


def test_an_instrument_that_does_not_exist_is_not_found(buyer: Http) -> None:
    for code in ("nozone.std.firm", "a b.std.firm", "fra1.foo.bar", "*.>.firm"):
        assert buyer.post("/v1/orders", GOOD | {"instrument": code}).json()["code"] == "not_found"
        assert buyer.get(f"/v1/instruments/{code}/book").status_code == 404


def test_a_revoked_key_ends(buyer: Http, operator: Http) -> None:
    made = buyer.post("/v1/keys", {"name": "short", "scopes": ["read"]}).json()
    short = operator.as_(made["api_key"])
    assert short.get("/v1/orders").status_code == 200
    assert buyer.delete(f"/v1/keys/{made['key']['id']}").status_code == 204
    assert short.get("/v1/orders").json()["code"] == "key_invalid"


def test_a_key_may_not_make_one_that_may_more(buyer: Http, operator: Http) -> None:
    made = buyer.post("/v1/keys", {"name": "trader", "scopes": ["trade"]}).json()
    answer = operator.as_(made["api_key"]).post("/v1/keys", {"name": "more", "scopes": ["trade", "finance"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


@pytest.mark.parametrize(
    "path", ["/v1/orders/client:%00", "/v1/contracts/%00", "/v1/orders?after=%00", "/v1/nodes/%00"]
)
def test_the_character_nul_is_refused_wherever_it_stands(buyer: Http, path: str) -> None:
    answer = buyer.get(path)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")


def test_a_path_that_leads_nowhere_is_a_problem(buyer: Http) -> None:
    answer = buyer.get("/v1/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    wrong = buyer.api.put("/v1/orders")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
