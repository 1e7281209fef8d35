"""A node's reseller over HTTP: settings in, explanations and results out."""

from __future__ import annotations

from typing import Any

import pytest

from billing import metering, settlement
from common.wire import GuestMinute, UsageReport
from market.instruments.instruments import Instrument, create_instrument
from runtime.database import transaction
from tests.market.factories import CODE, World
from tests.market.http.bodies import ask, bid, later
from tests.market.http.conftest import Http

RESELLER: dict[str, Any] = {"instruments": [CODE], "cost_per_hour": "0.48"}
FAULTS: list[tuple[dict[str, Any], str, str]] = [
    ({"instruments": []}, "invalid_field", "instruments"),
    ({"instruments": CODE}, "invalid_field", "instruments"),
    ({"instruments": [CODE, CODE]}, "invalid_field", "instruments"),
    ({"instruments": ["ams1.std.firm"]}, "invalid_field", "instruments"),
    ({"instruments": ["fra1.huge.firm"]}, "not_found", "instrument"),
    ({"instruments": [""]}, "invalid_field", "instruments.0"),
    ({"instruments": ["\x00"]}, "invalid_field", "instruments"),
    ({"instruments": [CODE] * 21}, "invalid_field", "instruments"),
    ({"cost_per_hour": "-1"}, "invalid_field", "cost_per_hour"),
    ({"cost_per_hour": 0.48}, "invalid_field", "cost_per_hour"),
    ({"cost_per_hour": "1e3"}, "invalid_field", "cost_per_hour"),
    ({"strategy": "greedy"}, "invalid_field", "strategy"),
    ({"keep": {"vcpus": -1}}, "invalid_field", "keep.vcpus"),
    ({"keep": {"gpus": 1}}, "unknown_field", "keep.gpus"),
    ({"until": later(-1)}, "invalid_field", "until"),
    ({"until": "2026-11-30T23:15:30Z"}, "off_grid", "until"),
    ({"until": "tomorrow"}, "invalid_field", "until"),
    ({"expected_utilisation_percent": 0}, "invalid_field", "expected_utilisation_percent"),
    ({"expected_utilisation_percent": 101}, "invalid_field", "expected_utilisation_percent"),
    ({"markup_percent": -1}, "invalid_field", "markup_percent"),
    ({"min_minutes": 0}, "invalid_field", "min_minutes"),
    ({"decay_minutes": 0}, "invalid_field", "decay_minutes"),
    ({"ahead_minutes": 10**30}, "invalid_field", "ahead_minutes"),
    ({"enabled": "yes"}, "invalid_field", "enabled"),
    ({"floor": "0.01"}, "unknown_field", "floor"),
]


@pytest.fixture
def path(node_id: str) -> str:
    return f"/v1/nodes/{node_id}/reseller"


def put(who: Http, path: str, **wishes: Any) -> Any:
    answer = who.api.put(path, json=RESELLER | wishes)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_every_fault_of_its_settings_has_its_answer(provider: Http, path: str) -> None:
    for method, address in (("PUT", path), ("POST", f"{path}/plan")):
        for change, code, field in FAULTS:
            problem = provider.api.request(method, address, json=RESELLER | change).json()
            assert (problem["code"], problem["field"]) == (code, field), (method, change)
        for name in RESELLER:
            body = {field: value for field, value in RESELLER.items() if field != name}
            problem = provider.api.request(method, address, json=body).json()
            assert (problem["code"], problem["field"]) == ("missing_field", name)
    assert provider.get(path).json()["code"] == "not_found"


def test_only_the_provider_with_the_right_key_has_it(provider: Http, buyer: Http, path: str) -> None:
    put(provider, path)
    made = provider.post("/v1/keys", {"name": "reader", "scopes": ["read"]}).json()
    reader = provider.as_(made["api_key"])
    assert reader.get(path).status_code == 200
    assert reader.get(f"{path}/plan").status_code == 200
    assert reader.api.put(path, json=RESELLER).json()["code"] == "scope_missing"
    assert reader.delete(path).json()["code"] == "scope_missing"
    for answer in (buyer.get(path), buyer.get(f"{path}/plan"), buyer.delete(path), buyer.api.put(path, json=RESELLER)):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_its_settings_come_back_and_what_is_left_out_has_a_default(provider: Http, path: str) -> None:
    told = put(provider, path, keep={"vcpus": 2}, until=later(500))
    assert {name: told[name] for name in ("state", "strategy", "until", "keep", "cost_per_hour", "last_turn")} == {
        "state": "on", "strategy": "decay", "until": later(500), "cost_per_hour": "0.480000", "last_turn": None,
        "keep": {"vcpus": 2, "memory_mib": 0, "disk_gib": 0},
    }  # fmt: skip
    assert provider.get(path).json() == told
    assert put(provider, path)["until"] == later(100_000)
    assert put(provider, path, enabled=False)["state"] == "stopping"
    put(provider, path)
    assert provider.delete(path).json()["state"] == "stopping"
    assert provider.delete(path).json()["state"] == "stopping"


def test_a_dry_run_explains_and_changes_nothing(provider: Http, path: str) -> None:
    body = RESELLER | {"keep": {"vcpus": 2, "memory_mib": 4096, "disk_gib": 20}, "strategy": "fixed"}
    told = provider.post(f"{path}/plan", body).json()
    assert told["change"] == "offer"
    prices = {"instrument": CODE, "floor": "0.105300", "first_price": "0.157980", "price": "0.157980"}
    assert told["prices"] == [prices]
    text = " ".join(told["said"])
    for part in (
        "2 vCPUs, 4096 MiB of memory and 20 GiB of disk of it are kept back for you",
        "Your reservation costs 0.480000 per hour. The node holds 8 slices",
        "60 % of the time, and the market keeps 5 % of what buyers pay",
        "Nothing is offered below this price",
        "Now: 6 slices of fra1.std.firm from",
    ):
        assert part in text
    assert provider.get(path).status_code == 404
    assert provider.get("/v1/orders").json()["items"] == []
    put(provider, path, **body)
    assert provider.get(f"{path}/plan").json() == told


def test_what_it_earned_is_what_was_delivered(
    provider: Http, buyer: Http, path: str, node_id: str, world: World
) -> None:
    put(provider, path, strategy="fixed", keep={"vcpus": 2, "memory_mib": 4096, "disk_gib": 20})
    assert provider.get(path).json()["result"]["won_back_ppm"] is None
    with world.begin() as connection:
        create_instrument(connection, Instrument("fra1", "std", "spot"))
    by_hand = ask(node_id, instrument="fra1.std.spot", slices=1, price="0.06")
    assert provider.post("/v1/orders", by_hand).status_code == 201
    sell = ask(node_id, slices=5, price="0.12", client_order_id=f"reseller-{node_id}-1")
    assert provider.post("/v1/orders", sell).status_code == 201
    for code, slices in ((CODE, 2), ("fra1.std.spot", 1)):
        traded = buyer.post(
            "/v1/orders", bid(instrument=code, price="0.18", slices_per_guest=slices, duration_minutes=30)
        )
        assert traded.json()["state"] == "filled"
    start = world.minute + 1
    world.real.pass_minutes(61)
    ids = [contract["id"] for contract in provider.get("/v1/contracts").json()["items"]]
    _deliver(world, node_id, ids, start, 20)
    told = provider.get(path).json()["result"]
    assert (told["contracts"], told["slice_minutes"], told["earned"]) == (1, 40, "0.076000")
    assert (told["minutes"], told["cost"], told["won_back_ppm"]) == (61, "0.488000", 155_737)
    assert told["utilisation_before_ppm"] == (2 * 61 + 30) * 1_000_000 // (8 * 61)
    assert told["utilisation_after_ppm"] == (2 * 61 + 30 + 60) * 1_000_000 // (8 * 61)
    provider.delete(path)
    world.real.pass_minutes(30)
    assert provider.get(path).json()["result"] == told


def _deliver(world: World, node_id: str, contracts: list[str], start: int, minutes: int) -> None:
    reports = [
        UsageReport(node_id, number + 1, start + number, tuple(GuestMinute(each, 60, 1) for each in contracts))
        for number in range(minutes)
    ]
    transaction(world.database, lambda connection: metering.record(connection, world.minute, reports))
    transaction(world.database, lambda connection: settlement.settle(connection, world.real.micros))
