"""Writes under an Idempotency-Key: run once, answered the same way, whoever comes when."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from market.participants.idempotency import FIELD, KEPT
from market.tables import api_key, idempotency
from market.worker.sweeper import Sweeper
from tests.market.factories import World
from tests.market.http.bodies import resting_bid
from tests.market.http.conftest import Http

NEW_KEY = {"name": "reader", "scopes": ["read"]}


def post(who: Http, path: str, body: Any, key: str = "once") -> httpx.Response:
    return who.post(path, body, headers={FIELD: key})


def names(who: Http) -> list[str]:
    return [key["name"] for key in who.get("/v1/keys").json()]


def test_the_same_key_and_body_give_the_same_answer_and_one_effect(world: World, buyer: Http) -> None:
    first = post(buyer, "/v1/keys", NEW_KEY)
    assert first.status_code == 201
    for key in ("once", '"once"'):
        again = post(buyer, "/v1/keys", NEW_KEY, key)
        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["content-type"] == first.headers["content-type"]
    assert names(buyer).count("reader") == 1
    with world.begin() as connection:
        kept = bytes(connection.execute(select(idempotency.c.sealed_body)).scalar_one())
    secret = first.json()["api_key"].encode()
    assert secret not in kept, "what is shown once is not to be read in the database"
    ended = buyer.delete(f"/v1/keys/{first.json()['key']['id']}", headers={FIELD: "end"})
    assert (ended.status_code, ended.content) == (204, b"")
    assert buyer.delete(f"/v1/keys/{first.json()['key']['id']}", headers={FIELD: "end"}).status_code == 204


def test_the_same_key_with_another_request_is_refused(buyer: Http) -> None:
    post(buyer, "/v1/keys", NEW_KEY)
    for path, body in (("/v1/keys", NEW_KEY | {"name": "other"}), ("/v1/orders/cancel-after", {"seconds": 5})):
        refused = post(buyer, path, body)
        assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
    assert names(buyer).count("other") == 0
    assert post(buyer, "/v1/keys", NEW_KEY | {"name": "other"}, "another").status_code == 201


def test_keys_of_two_participants_have_nothing_to_do_with_each_other(buyer: Http, provider: Http) -> None:
    mine, theirs = post(buyer, "/v1/keys", NEW_KEY), post(provider, "/v1/keys", NEW_KEY)
    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert mine.json() != theirs.json()
    other = buyer.post("/v1/keys", {"name": "second", "scopes": ["trade", "read"]}).json()["api_key"]
    assert post(buyer.as_(other), "/v1/keys", NEW_KEY).json()["code"] == "idempotency_key_reused"


def test_a_refusal_is_an_answer_too(buyer: Http, operator: Http) -> None:
    body = {"amount": "500.00", "key": "w", "iban": "DE89370400440532013000", "holder": "Blauwal"}
    first = post(buyer, "/v1/withdrawals", body)
    assert first.json()["code"] == "insufficient_funds"
    operator.post("/v1/deposits", {"participant": buyer.participant, "amount": "500.00", "key": "more"})
    assert post(buyer, "/v1/withdrawals", body).json() == first.json()
    assert post(buyer, "/v1/withdrawals", body, "anew").status_code == 201
    unknown = post(buyer, "/v1/keys", NEW_KEY | {"colour": "red"}, "bad")
    assert unknown.json()["code"] == "unknown_field"
    assert post(buyer, "/v1/keys", NEW_KEY | {"colour": "red"}, "bad").json() == unknown.json()


def test_of_calls_at_the_same_time_one_runs(buyer: Http) -> None:
    """The others get its answer, or are told to come again."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(buyer.as_(buyer.key), "/v1/keys", NEW_KEY), range(16)))
    assert names(buyer).count("reader") == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    for answer in answers:
        if answer.status_code == 409:
            assert (answer.json()["code"], answer.headers["retry-after"]) == ("idempotency_key_in_use", "1")
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1


def leave(world: World, **values: Any) -> None:
    """The traces of a market process that died before it answered."""
    gone = {"status": None, "media_type": None, "sealed_body": None}
    with world.begin() as connection:
        connection.execute(idempotency.update().values(**gone | values))


def test_after_a_crash_what_had_no_effect_is_run_and_what_had_one_is_not(world: World, buyer: Http) -> None:
    post(buyer, "/v1/keys", NEW_KEY)
    leave(world)
    assert post(buyer, "/v1/keys", NEW_KEY).json()["code"] == "idempotency_key_in_use"
    over = func.now() - timedelta(seconds=1)
    leave(world, claimed_until=over)
    lost = post(buyer, "/v1/keys", NEW_KEY)
    assert (lost.status_code, lost.json()["code"]) == (409, "answer_lost")
    assert names(buyer).count("reader") == 1
    with world.begin() as connection:
        connection.execute(api_key.delete().where(api_key.c.name == "reader"))
    leave(world, claimed_until=over, took_effect=False)
    assert post(buyer, "/v1/keys", NEW_KEY).status_code == 201
    assert names(buyer).count("reader") == 1


def test_keys_expire_and_are_forgotten(world: World, buyer: Http) -> None:
    post(buyer, "/v1/keys", NEW_KEY)
    post(buyer, "/v1/keys", NEW_KEY, "younger")
    with world.begin() as connection:
        older = idempotency.update().where(idempotency.c.key == "once")
        connection.execute(older.values(expires_at=idempotency.c.expires_at - KEPT))
    assert post(buyer, "/v1/keys", NEW_KEY | {"name": "other"}).status_code == 201
    leave(world, expires_at=func.now())
    assert (Sweeper(world.database).sweep_once(), Sweeper(world.database).sweep_once()) == (2, 0)


@pytest.mark.parametrize("key", ["", '"', 'a"b', "a\\b", "a b", "ä".encode(), "x" * 256])
def test_a_key_is_one_word(buyer: Http, key: Any) -> None:
    refused = post(buyer, "/v1/keys", NEW_KEY, key)
    assert (refused.status_code, refused.json()["field"]) == (422, FIELD)


def test_orders_have_a_name_of_their_own(buyer: Http) -> None:
    for path, body in (("/v1/orders", resting_bid()), ("/v1/orders/batch", {"orders": [resting_bid()]})):
        assert post(buyer, path, body).json()["field"] == FIELD
    placed = buyer.post("/v1/orders", resting_bid()).json()["id"]
    ended = [buyer.delete(f"/v1/orders/{placed}", headers={FIELD: "end"}).json() for _ in range(2)]
    assert ended[0] == ended[1]
    assert ended[0]["state"] == "canceled"


def test_a_key_does_not_open_what_needs_an_api_key(operator: Http) -> None:
    assert post(operator.as_(None), "/v1/keys", NEW_KEY).json()["code"] == "key_missing"
    assert post(operator.as_("nx.none"), "/v1/keys", NEW_KEY).json()["code"] == "key_invalid"
