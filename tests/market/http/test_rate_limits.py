"""Requests per key: counted, told, and refused with the time to wait."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from common.errors import Busy
from market.http import rate_limits
from market.http.rate_limits import RateLimiter
from tests.conftest import NatsAccount
from tests.market.factories import HandClock, World
from tests.market.http.bodies import resting_bid
from tests.market.http.conftest import Http, joined, running

QUOTA, WINDOW = 10, 60
"""Few enough to use them up: the clock of these tests stands."""


@pytest.fixture
def operator(world: World, nats_account: NatsAccount) -> Iterator[Http]:
    with running(world, nats_account, key_requests=QUOTA, key_window_seconds=WINDOW) as made:
        yield made


def left(who: Http) -> int:
    header = who.get("/v1/time").headers
    assert "ratelimit" not in header, "the time is told without a key"
    told = who.get("/v1/orders").headers
    assert told["ratelimit-policy"] == f'"key";q={QUOTA};w={WINDOW}'
    found = re.fullmatch(r'"key";r=(\d+);t=(\d+)', told["ratelimit"])
    assert found is not None
    assert int(found[2]) == (QUOTA - int(found[1])) * WINDOW / QUOTA
    return int(found[1])


def test_a_key_is_told_what_it_has_left_and_when_to_come_again(world: World, operator: Http) -> None:
    buyer = joined(operator, "Blauwal Builds", "ci@blauwal.example", "100.00")
    assert [left(buyer) for _ in range(3)] == [9, 8, 7]
    kept = buyer.post("/v1/keys", {"name": "own", "scopes": ["trade"]}, headers={"Idempotency-Key": "1"})
    assert kept.headers["ratelimit"].startswith('"key";r=6'), "a call under an Idempotency-Key counts once"
    assert {buyer.post("/v1/orders", resting_bid()).status_code for _ in range(6)} == {201}
    refused = buyer.post("/v1/orders", resting_bid())
    assert (refused.status_code, refused.json()["code"], refused.json()["limit"]) == (429, "too_many_requests", QUOTA)
    assert (refused.headers["retry-after"], refused.headers["ratelimit"]) == ("6", '"key";r=0;t=60')
    assert len(operator.get("/v1/keys").json()) == 1, "other keys have their own"
    world.real.micros += 6_000_000
    assert left(buyer) == 0
    world.real.micros += 3_600_000_000
    assert left(buyer) == QUOTA - 1


def test_keys_that_are_no_keys_leave_nothing_behind(operator: Http) -> None:
    for number in range(3 * QUOTA):
        answer = operator.as_(f"nx.{number}").get("/v1/orders")
        assert (answer.status_code, "ratelimit" in answer.headers) == (401, False)


def test_so_many_keys_are_remembered_and_the_one_that_rested_longest_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "_CAPACITY", 2)
    limiter = RateLimiter(HandClock(), 1, 1)
    for key in ("a", "b"):
        limiter.take(limiter.bucket(key))
    with pytest.raises(Busy):
        limiter.take(limiter.bucket("a"))
    limiter.take(limiter.bucket("c"))
    with pytest.raises(Busy):
        limiter.take(limiter.bucket("a"))
    limiter.take(limiter.bucket("b"))
