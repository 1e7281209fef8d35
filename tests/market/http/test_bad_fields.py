"""Every body of the operator, of providers and of agents: field, fault, code."""

from __future__ import annotations

from typing import Any

from tests.market.http.bodies import NODE, PROVIDER, later
from tests.market.http.conftest import Http

HUGE = 10**30
LONG = "x" * 50_000
Fault = tuple[dict[str, Any], str, str | None]

PARTICIPANT: dict[str, Any] = {"name": "Dune Data", "email": "team@dune.example"}
DEPOSIT: dict[str, Any] = {"participant": "prt_00000000000000000000000000", "amount": "1.00", "key": "bank-1"}
CLASS: dict[str, Any] = {"name": "tiny", "vcpus": 1, "memory_mib": 512, "disk_gib": 1}
INSTRUMENT: dict[str, Any] = {"zone": "ams1", "slice_class": "std", "firmness": "firm"}
KEY: dict[str, Any] = {"name": "reader", "scopes": ["read"]}
AGENT: dict[str, Any] = {
    "token": "t", "public_key": "U" + "A" * 55, "agent_version": "1", "capacity": NODE["offered"]
}  # fmt: skip

PARTICIPANT_FAULTS: list[Fault] = [
    ({"name": ""}, "invalid_field", "name"),
    ({"name": LONG}, "invalid_field", "name"),
    ({"name": "two\nlines"}, "invalid_field", "name"),
    ({"name": 7}, "invalid_field", "name"),
    ({"email": "nobody"}, "invalid_field", "email"),
    ({"email": f"a@{'b' * 250}.example"}, "invalid_field", "email"),
    ({"email": "a\x00@b.example"}, "invalid_field", "email"),
    ({"fee_ppm": -1}, "invalid_field", "fee_ppm"),
    ({"fee_ppm": 1_000_001}, "invalid_field", "fee_ppm"),
    ({"fee_ppm": HUGE}, "invalid_field", "fee_ppm"),
    ({"fee_ppm": 1e3}, "invalid_field", "fee_ppm"),
    ({"fee_ppm": True}, "invalid_field", "fee_ppm"),
    ({"identity": []}, "invalid_field", "identity"),
    ({"identity": {"company": "x"}}, "missing_field", "identity.country"),
    ({"scopes": ["operate"]}, "unknown_field", "scopes"),
]

PROVIDER_FAULTS: list[Fault] = [
    ({"tax_number": "DE136695970"}, "tax_number_invalid", "tax_number"),
    ({"tax_number": "\x00\x00"}, "invalid_field", "tax_number"),
    ({"tax_number": None}, "invalid_field", "tax_number"),
    ({"iban": "DE89370400440532013001"}, "iban_invalid", "iban"),
    ({"iban": "x" * 43}, "invalid_field", "iban"),
    ({"country": "XX"}, "invalid_field", "country"),
    ({"country": "de"}, "invalid_field", "country"),
    ({"company": ""}, "invalid_field", "company"),
    ({"postcode": "1" * 21}, "invalid_field", "postcode"),
    ({"city": "\ttab"}, "invalid_field", "city"),
    ({"state": "HH"}, "unknown_field", "state"),
]

KEY_FAULTS: list[Fault] = [
    ({"name": ""}, "invalid_field", "name"),
    ({"scopes": []}, "invalid_field", "scopes"),
    ({"scopes": ["operate"]}, "invalid_field", "scopes.0"),
    ({"scopes": "read"}, "invalid_field", "scopes"),
    ({"scopes": ["read"] * 5}, "invalid_field", "scopes"),
    ({"expires_at": "tomorrow"}, "invalid_field", "expires_at"),
    ({"expires_at": "2026-13-01T00:00:00Z"}, "invalid_field", "expires_at"),
    ({"expires_at": 1_800_000_000}, "invalid_field", "expires_at"),
    ({"secret": "mine"}, "unknown_field", "secret"),
    ({"ask": 1}, "unknown_field", "ask"),
    ({"query": 1}, "unknown_field", "query"),
]

DEPOSIT_FAULTS: list[Fault] = [
    ({"amount": "0"}, "invalid_field", "amount"),
    ({"amount": "-1"}, "invalid_field", "amount"),
    ({"amount": "1.0000001"}, "invalid_field", "amount"),
    ({"amount": "1e3"}, "invalid_field", "amount"),
    ({"amount": 1}, "invalid_field", "amount"),
    ({"amount": 1.5}, "invalid_field", "amount"),
    ({"amount": "9" * 40}, "invalid_field", "amount"),
    ({"key": ""}, "invalid_field", "key"),
    ({"key": "no blanks"}, "invalid_field", "key"),
    ({"key": "k" * 121}, "invalid_field", "key"),
    ({"participant": "p" * 81}, "invalid_field", "participant"),
    ({}, "not_found", None),
    ({"currency": "USD"}, "unknown_field", "currency"),
]

CLASS_FAULTS: list[Fault] = [
    ({"name": "Big"}, "invalid_field", "name"),
    ({"name": "a.b"}, "invalid_field", "name"),
    ({"name": ""}, "invalid_field", "name"),
    ({"name": "n" * 64}, "invalid_field", "name"),
    ({"name": "std"}, "already_exists", "name"),
    ({"kind": "gpu"}, "invalid_field", "kind"),
    ({"kind": "volume"}, "invalid_field", "vcpus"),
    ({"vcpus": -1}, "invalid_field", "vcpus"),
    ({"memory_mib": HUGE}, "invalid_field", "memory_mib"),
    ({"disk_gib": "10"}, "invalid_field", "disk_gib"),
    ({"cpu_shares": 1}, "invalid_field", "cpu_shares"),
    ({"price": "1"}, "unknown_field", "price"),
]

INSTRUMENT_FAULTS: list[Fault] = [
    ({"zone": "Fra1"}, "invalid_field", "zone"),
    ({"zone": "-"}, "invalid_field", "zone"),
    ({"slice_class": "huge"}, "not_found", "slice_class"),
    ({"zone": "fra1"}, "already_exists", "zone"),
    ({"firmness": "soft"}, "invalid_field", "firmness"),
    ({"mode": "halted"}, "unknown_field", "mode"),
    ({"tick": "0"}, "invalid_field", "tick"),
    ({"tick": "0.00001"}, "off_tick", "tick"),
    ({"price_min": "60", "price_max": "6"}, "invalid_field", "price_max"),
    ({"min_minutes": 10, "max_minutes": 9}, "invalid_field", "max_minutes"),
    ({"horizon_minutes": 0}, "invalid_field", "horizon_minutes"),
    ({"delivery_deadline_minutes": 1441}, "invalid_field", "delivery_deadline_minutes"),
    ({"firmness": "spot", "bond_ppm": 1, "break_ppm": 2}, "invalid_field", "bond_ppm"),
    ({"release_ppm": "5%"}, "invalid_field", "release_ppm"),
]

NODE_FAULTS: list[Fault] = [
    ({"name": "Node 1"}, "invalid_field", "name"),
    ({"zone": ""}, "invalid_field", "zone"),
    ({"offered": {"vcpus": 8}}, "missing_field", "offered.memory_mib"),
    ({"offered": {"vcpus": 0, "memory_mib": 1, "disk_gib": 1}}, "invalid_field", "offered.vcpus"),
    ({"offered": {"vcpus": 1, "memory_mib": HUGE, "disk_gib": 1}}, "invalid_field", "offered.memory_mib"),
    ({"offered": {"vcpus": 1, "memory_mib": 1, "disk_gib": 1, "gpus": 1}}, "unknown_field", "offered.gpus"),
    ({"reserved_until": later(-1)}, "invalid_field", "reserved_until"),
    ({"reserved_until": "2026-11-30T23:15:30Z"}, "off_grid", "reserved_until"),
    ({"reserved_until": "9999-12-31T23:59:00Z"}, "invalid_field", "reserved_until"),
    ({"state": "online"}, "unknown_field", "state"),
]

AGENT_FAULTS: list[Fault] = [
    ({"token": LONG}, "invalid_field", "token"),
    ({"public_key": "U"}, "invalid_field", "public_key"),
    ({}, "invalid_field", "public_key"),
    ({"agent_version": "1" * 41}, "invalid_field", "agent_version"),
    ({"capacity": None}, "invalid_field", "capacity"),
    ({"node": "nod_x"}, "unknown_field", "node"),
]


def check(who: Http, path: str, good: dict[str, Any], faults: list[Fault]) -> None:
    """Every fault has its answer; each required field is missed; and none of it left anything behind."""
    for change, code, field in faults:
        answer = who.post(path, good | change)
        problem = answer.json()
        assert (problem["code"], problem["field"]) == (code, field), (path, change)
        assert 400 <= answer.status_code < 500
        assert answer.headers["content-type"] == "application/problem+json"
    for name in good:
        problem = who.post(path, {field: value for field, value in good.items() if field != name}).json()
        assert (problem["code"], problem["field"]) == ("missing_field", name), (path, name)


def test_what_an_operator_sends_is_checked(operator: Http) -> None:
    check(operator, "/v1/participants", PARTICIPANT, PARTICIPANT_FAULTS)
    check(operator, "/v1/deposits", DEPOSIT, DEPOSIT_FAULTS)
    check(operator, "/v1/classes", CLASS, CLASS_FAULTS)
    check(operator, "/v1/instruments", INSTRUMENT, INSTRUMENT_FAULTS)
    assert [made["name"] for made in operator.get("/v1/participants").json()["items"]] == ["Operator"]
    assert len(operator.get("/v1/instruments").json()) == 1


def test_what_a_provider_sends_is_checked(provider: Http) -> None:
    check(provider, "/v1/providers", PROVIDER, PROVIDER_FAULTS)
    check(provider, "/v1/keys", KEY, KEY_FAULTS)
    check(provider, "/v1/nodes", NODE, NODE_FAULTS)
    assert provider.get("/v1/nodes").json()["items"] == []


def test_what_an_agent_sends_is_checked(operator: Http) -> None:
    check(operator.as_(None), "/v1/agents", AGENT, AGENT_FAULTS)


def test_a_month_that_is_none_is_refused(operator: Http) -> None:
    for month, code in (("2025-13", "invalid_field"), ("25-01", "invalid_field"), ("1969-12", "invalid_field")):
        problem = operator.post(f"/v1/periods/{month}/close").json()
        assert (problem["code"], problem["field"]) == (code, "period")
    assert operator.post("/v1/periods/2025-02/close").json()["code"] == "period_not_over"
