"""The dead-man timer over HTTP; what it does when it runs out is proved in tests/market/orders."""

from __future__ import annotations

from typing import Any

import pytest

from market.orders.cancel_timer import LONGEST_SECONDS
from tests.market.http.conftest import Http

PATH = "/v1/orders/cancel-after"
OFF = {"seconds": 0, "cancels_at": None}


def test_a_timer_is_started_again_shown_and_switched_off(buyer: Http, provider: Http) -> None:
    assert buyer.get(PATH).json() == OFF
    first = buyer.post(PATH, {"seconds": 60}).json()
    assert buyer.get(PATH).json() == first
    assert provider.get(PATH).json() == OFF
    again = buyer.post(PATH, {"seconds": 60}).json()
    assert again["cancels_at"] > first["cancels_at"]
    assert buyer.post(PATH, {"seconds": 0}).json() == buyer.post(PATH, {"seconds": 0}).json() == OFF
    assert buyer.get(PATH).json() == OFF


@pytest.mark.parametrize("body", [{}, {"seconds": -1}, {"seconds": LONGEST_SECONDS + 1}, {"seconds": 1, "of": "me"}])
def test_a_timer_counts_whole_seconds_up_to_a_day(buyer: Http, body: dict[str, Any]) -> None:
    assert buyer.post(PATH, body).status_code == 422
    assert buyer.get(PATH).json() == OFF


def test_a_key_that_may_not_cancel_bids_starts_no_timer(buyer: Http) -> None:
    reader = buyer.post("/v1/keys", {"name": "reader", "scopes": ["read"]}).json()["api_key"]
    assert buyer.as_(reader).post(PATH, {"seconds": 60}).json()["code"] == "scope_missing"
    assert buyer.as_(reader).get(PATH).json() == OFF
