"""Every field of an order that can be wrong: field, fault, code. In a batch and in a preview the code is the same."""

from __future__ import annotations

from typing import Any

from common.minutes import minute_text
from tests.market.factories import START_MINUTE
from tests.market.http.bodies import ask, bid, later
from tests.market.http.conftest import Http

HUGE = 10**30
LONG = "x" * 50_000
Fault = tuple[dict[str, Any], str, str]

BID_FAULTS: list[Fault] = [
    ({"price": "0.012001"}, "off_tick", "price"),
    ({"price": "0"}, "invalid_field", "price"),
    ({"price": "60.00006"}, "price_out_of_bounds", "price"),
    ({"price": 0.012}, "invalid_field", "price"),
    ({"price": "1e-2"}, "invalid_field", "price"),
    ({"duration_minutes": 0}, "invalid_field", "duration_minutes"),
    ({"duration_minutes": "10"}, "invalid_field", "duration_minutes"),
    ({"duration_minutes": 43_201}, "window_too_long", "duration_minutes"),
    ({"guests": 1.5}, "invalid_field", "guests"),
    ({"guests": 1001}, "invalid_field", "guests"),
    ({"guests": True}, "invalid_field", "guests"),
    ({"instrument": "fra1.std"}, "not_found", "instrument"),
    ({"instrument": "fra1.gpu.firm"}, "not_found", "instrument"),
    ({"side": "buy"}, "invalid_field", "side"),
    ({"extra": 1}, "unknown_field", "extra"),
    ({"body": 1}, "unknown_field", "body"),
    ({"bid": 1}, "unknown_field", "bid"),
    ({"start_from": "2026-11-30T23:15:30Z"}, "off_grid", "start_from"),
    ({"start_from": "soon"}, "invalid_field", "start_from"),
    ({"start_by": minute_text(START_MINUTE)}, "window_empty", "start_by"),
    ({"start_by": minute_text(START_MINUTE + 200_000)}, "window_beyond_horizon", "start_by"),
    ({"time_in_force": "day"}, "invalid_field", "time_in_force"),
    ({"client_order_id": "no spaces"}, "invalid_field", "client_order_id"),
    ({"guest": {"name": "Big Host"}}, "invalid_field", "guest.name"),
    ({"guest": {"image": "x", "root": True}}, "unknown_field", "guest.root"),
    ({"guest": {"user_data": "a\x00b"}}, "invalid_field", "guest.user_data"),
    ({"guest": {"ssh_keys": ["a\x00b"]}}, "invalid_field", "guest.ssh_keys.0"),
    ({"guest": {"ssh_keys": ["-----BEGIN OPENSSH PRIVATE KEY-----"]}}, "invalid_field", "guest.ssh_keys.0"),
    ({"start_by": "9999-12-31T23:59:00Z"}, "invalid_field", "start_by"),
    ({"start_by": "1969-12-31T23:59:00Z"}, "invalid_field", "start_by"),
    ({"duration_minutes": 40_000, "price": "60", "guests": 100}, "insufficient_funds", "price"),
    (
        {"duration_minutes": 40_000, "price": "60", "guests": 1000, "slices_per_guest": 1000},
        "amount_too_large",
        "price",
    ),
    ({"price": "1e3"}, "invalid_field", "price"),
    ({"price": ""}, "invalid_field", "price"),
    ({"price": "-0.012"}, "invalid_field", "price"),
    ({"price": "0.0120000"}, "invalid_field", "price"),
    ({"price": None}, "invalid_field", "price"),
    ({"duration_minutes": HUGE}, "invalid_field", "duration_minutes"),
    ({"duration_minutes": 10.0}, "invalid_field", "duration_minutes"),
    ({"guests": 0}, "invalid_field", "guests"),
    ({"guests": -1}, "invalid_field", "guests"),
    ({"slices_per_guest": 1025}, "invalid_field", "slices_per_guest"),
    ({"instrument": ""}, "invalid_field", "instrument"),
    ({"instrument": LONG}, "invalid_field", "instrument"),
    ({"instrument": 7}, "invalid_field", "instrument"),
    ({"side": 1}, "invalid_field", "side"),
    ({"side": None}, "invalid_field", "side"),
    ({"start_from": ""}, "invalid_field", "start_from"),
    ({"start_from": 29_000_000}, "invalid_field", "start_from"),
    ({"start_from": "2026-11-30T23:15:00"}, "invalid_field", "start_from"),
    ({"start_from": "2026-02-30T00:00:00Z"}, "invalid_field", "start_from"),
    ({"start_from": LONG}, "invalid_field", "start_from"),
    ({"time_in_force": "GTC"}, "invalid_field", "time_in_force"),
    ({"time_in_force": "gtd"}, "missing_field", "expires_at"),
    ({"time_in_force": "gtc", "expires_at": later(50)}, "invalid_field", "expires_at"),
    ({"time_in_force": "ioc", "expires_at": later(50)}, "invalid_field", "expires_at"),
    ({"expires_at": "2026-11-30T23:15:30Z"}, "off_grid", "expires_at"),
    ({"expires_at": "later"}, "invalid_field", "expires_at"),
    ({"post_only": True, "time_in_force": "ioc"}, "invalid_field", "post_only"),
    ({"post_only": True, "time_in_force": "fok"}, "invalid_field", "post_only"),
    ({"post_only": 1}, "invalid_field", "post_only"),
    ({"post_only": "yes"}, "invalid_field", "post_only"),
    ({"self_trade_prevention": "none"}, "invalid_field", "self_trade_prevention"),
    ({"self_trade_prevention": None}, "invalid_field", "self_trade_prevention"),
    ({"nodes": "nod_x"}, "invalid_field", "nodes"),
    ({"nodes": ["nod_x"]}, "invalid_field", "nodes.0"),
    ({"nodes": ["nod_01jmg19y00c6r7ab5acm55hm5a"] * 101}, "invalid_field", "nodes"),
    ({"avoid_providers": ["nod_01jmg19y00c6r7ab5acm55hm5a"]}, "invalid_field", "avoid_providers.0"),
    ({"avoid_providers": [None]}, "invalid_field", "avoid_providers.0"),
    ({"avoid_providers": ["prt_01jmg19y00c6r7ab5acm55hm5a"] * 101}, "invalid_field", "avoid_providers"),
    ({"min_reliability_ppm": -1}, "invalid_field", "min_reliability_ppm"),
    ({"min_reliability_ppm": 1_000_001}, "invalid_field", "min_reliability_ppm"),
    ({"min_reliability_ppm": 0.9}, "invalid_field", "min_reliability_ppm"),
    ({"client_order_id": ""}, "invalid_field", "client_order_id"),
    ({"client_order_id": "x" * 65}, "invalid_field", "client_order_id"),
    ({"guest": []}, "invalid_field", "guest"),
    ({"guest": {"user_data": "x" * 16_385}}, "invalid_field", "guest.user_data"),
    ({"guest": {"ssh_keys": ["ssh-ed25519 AAAA"] * 21}}, "invalid_field", "guest.ssh_keys"),
    ({"node": "nod_01jmg19y00c6r7ab5acm55hm5a"}, "unknown_field", "node"),
]

ASK_FAULTS: list[Fault] = [
    ({"node": ""}, "invalid_field", "node"),
    ({"node": "n" * 81}, "invalid_field", "node"),
    ({"node": "nod_01jmg19y00c6r7ab5acm55hm5a"}, "not_found", "node"),
    ({"slices": 0}, "invalid_field", "slices"),
    ({"slices": HUGE}, "invalid_field", "slices"),
    ({"slices": 9}, "insufficient_capacity", "slices"),
    ({"min_minutes": 0}, "invalid_field", "min_minutes"),
    ({"min_minutes": 601}, "window_empty", "available_until"),
    ({"available_from": later(700)}, "window_empty", "available_until"),
    ({"available_until": later(-5)}, "window_empty", "available_until"),
    ({"available_until": later(100_001)}, "beyond_reservation", "available_until"),
    ({"available_until": later(200_000)}, "window_beyond_horizon", "available_until"),
    ({"available_until": None}, "missing_field", "available_until"),
    ({"post_only": True, "time_in_force": "ioc"}, "invalid_field", "post_only"),
    ({"time_in_force": "gtd"}, "missing_field", "expires_at"),
    ({"guests": 1}, "unknown_field", "guests"),
    ({"nodes": []}, "unknown_field", "nodes"),
]


def test_a_bid_with_a_fault_is_answered_with_its_code_and_field(buyer: Http) -> None:
    check(buyer, bid(), BID_FAULTS, ("price", "duration_minutes", "instrument", "side"))


def test_an_ask_with_a_fault_is_answered_with_its_code_and_field(provider: Http, node_id: str) -> None:
    check(provider, ask(node_id), ASK_FAULTS, ("price", "node", "slices", "available_until", "instrument", "side"))


def check(who: Http, good: dict[str, Any], faults: list[Fault], required: tuple[str, ...]) -> None:
    """Placed, previewed or in a batch, each faulty order has its answer, and leaves nothing behind."""
    cases = [(good | change, code, field) for change, code, field in faults]
    cases += [({field: good[field] for field in good if field != name}, "missing_field", name) for name in required]
    small = [body for body, _, _ in cases if LONG not in body.values()]
    answered = iter(who.post("/v1/orders/batch", {"orders": small}).json()["results"])
    for body, *expected in cases:
        answer = who.post("/v1/orders", body)
        problem = answer.json()
        assert [problem["code"], problem["field"]] == expected, body
        assert answer.headers["content-type"] == "application/problem+json"
        assert 400 <= answer.status_code == problem["status"] < 500
        assert who.post("/v1/orders/preview", body).json() == problem
        if body in small:
            assert next(answered)["problem"] == problem
    assert who.get("/v1/orders").json()["items"] == []
