"""The operator's hand on instruments."""

from __future__ import annotations

from typing import Any

import pytest

from tests.market.factories import CODE
from tests.market.http.bodies import ask, bid, resting_bid
from tests.market.http.conftest import Http

PATH = f"/v1/instruments/{CODE}"


@pytest.mark.parametrize(
    ("mode", "state", "reason"),
    [
        ("open", "filled", "fully_filled"),
        ("post_only", "rejected", "instrument_post_only"),
        ("cancel_only", "rejected", "instrument_cancel_only"),
        ("halted", "rejected", "instrument_halted"),
    ],
)
def test_a_mode_holds_from_the_next_order_on(
    operator: Http, provider: Http, buyer: Http, node_id: str, mode: str, state: str, reason: str
) -> None:
    rests = buyer.post("/v1/orders", resting_bid(price="0.006")).json()
    provider.post("/v1/orders", ask(node_id))
    changed = operator.patch(PATH, {"mode": mode})
    assert (changed.status_code, changed.json()["mode"]) == (200, mode)
    placed = buyer.post("/v1/orders", bid()).json()
    assert (placed["state"], placed["reason"]) == (state, reason)
    assert buyer.delete(f"/v1/orders/{rests['id']}").json()["state"] == "canceled"


def test_limits_and_rates_are_changed_alone(operator: Http) -> None:
    before = operator.get(PATH).json()
    changes: dict[str, Any] = {
        "price_min": "0.006000",
        "price_max": "0.600000",
        "min_minutes": 5,
        "max_minutes": 50,
        "horizon_minutes": 500,
        "delivery_deadline_minutes": 3,
        "bond_ppm": 1,
        "release_ppm": 2,
        "break_ppm": 3,
    }
    for name, value in changes.items():
        assert operator.patch(PATH, {name: value}).json() == operator.get(PATH).json()
    assert operator.get(PATH).json() == before | changes


def test_new_limits_are_those_of_the_next_order(operator: Http, buyer: Http) -> None:
    operator.patch(PATH, {"price_max": "0.006", "max_minutes": 5})
    assert buyer.post("/v1/orders", bid()).json()["code"] == "price_out_of_bounds"
    assert buyer.post("/v1/orders", bid(price="0.006")).json()["code"] == "window_too_long"


FAULTS: list[tuple[dict[str, Any], str, str]] = [
    ({"mode": "closed"}, "invalid_field", "mode"),
    ({"tick": "0.00012"}, "unknown_field", "tick"),
    ({"zone": "ams1"}, "unknown_field", "zone"),
    ({"price_min": "66"}, "invalid_field", "price_max"),
    ({"price_max": "0.000001"}, "off_tick", "price_max"),
    ({"min_minutes": 50_000}, "invalid_field", "max_minutes"),
    ({"min_minutes": 0}, "invalid_field", "min_minutes"),
    ({"horizon_minutes": "60"}, "invalid_field", "horizon_minutes"),
    ({"delivery_deadline_minutes": 1441}, "invalid_field", "delivery_deadline_minutes"),
    ({"bond_ppm": 1_000_001}, "invalid_field", "bond_ppm"),
    ({"release_ppm": -1}, "invalid_field", "release_ppm"),
    ({"break_ppm": 0.5}, "invalid_field", "break_ppm"),
]


def test_a_change_that_contradicts_itself_is_refused(operator: Http) -> None:
    before = operator.get(PATH).json()
    for change, *expected in FAULTS:
        answer = operator.patch(PATH, change)
        assert [answer.json()["code"], answer.json()["field"]] == expected, change
        assert answer.status_code == 422
    assert operator.get(PATH).json() == before


def test_the_bond_of_a_spot_instrument_stays_above_its_break_fee(operator: Http) -> None:
    operator.post("/v1/instruments", {"zone": "fra1", "slice_class": "std", "firmness": "spot"})
    answer = operator.patch("/v1/instruments/fra1.std.spot", {"bond_ppm": 99_999})
    assert (answer.status_code, answer.json()["field"], answer.json()["limit"]) == (422, "bond_ppm", 100_000)
    assert operator.patch("/v1/instruments/fra1.std.spot", {"bond_ppm": 0, "break_ppm": 0}).status_code == 200


def test_only_operators_change_instruments(operator: Http, buyer: Http) -> None:
    assert buyer.patch(PATH, {"mode": "halted"}).json()["code"] == "scope_missing"
    assert operator.patch("/v1/instruments/fra1.mem.firm", {"mode": "halted"}).json()["code"] == "not_found"
