"""Bodies and addresses that cannot be read in one way: each kind of fault has its own code."""

from __future__ import annotations

import json

from tests.market.factories import CODE
from tests.market.http.bodies import bid
from tests.market.http.conftest import Http

JSON = "application/json"
GOOD = json.dumps(bid())
DEEP = 100_000

# What is sent, as what, and the status, code and field of the answer.
BODIES: list[tuple[bytes, str | None, int, str, str | None]] = [
    (b"", JSON, 422, "malformed_body", None),
    (b"{", JSON, 422, "malformed_body", None),
    (b"{}}", JSON, 422, "malformed_body", None),
    (b"{'side': 'bid'}", JSON, 422, "malformed_body", None),
    (b"null", JSON, 422, "malformed_body", None),
    (b"[]", JSON, 422, "malformed_body", None),
    (b'"bid"', JSON, 422, "malformed_body", None),
    (b"7", JSON, 422, "malformed_body", None),
    (b"\xff\xfe", JSON, 422, "malformed_body", None),
    (b"\xef\xbb\xbf" + GOOD.encode(), JSON, 422, "malformed_body", None),
    (GOOD.encode("utf-16"), JSON, 422, "malformed_body", None),
    (b'{"guests": NaN}', JSON, 422, "malformed_body", None),
    (b'{"guests": -Infinity}', JSON, 422, "malformed_body", None),
    (b"{}", JSON, 422, "missing_field", "side"),
    (b"[" * DEEP, JSON, 422, "body_too_deep", None),
    (b"[" * 40 + b"]" * 40, JSON, 422, "body_too_deep", None),
    (b'{"a":' * 40 + b"1" + b"}" * 40, JSON, 422, "body_too_deep", None),
    (b'{"side": "bid", "side": "ask"}', JSON, 422, "duplicate_field", "side"),
    (b'{"guest": {"name": "a", "name": "b"}}', JSON, 422, "duplicate_field", "name"),
    (b'{"guests": ' + b"9" * 5000 + b"}", JSON, 422, "invalid_field", None),
    (GOOD.encode(), "text/plain", 415, "unsupported_media_type", "content-type"),
    (GOOD.encode(), "application/x-www-form-urlencoded", 415, "unsupported_media_type", "content-type"),
    (GOOD.encode(), "application/merge-patch+json", 415, "unsupported_media_type", "content-type"),
    (GOOD.encode(), None, 415, "unsupported_media_type", "content-type"),
    (b"x" * 300_000, JSON, 413, "body_too_large", None),
]


def test_a_body_that_cannot_be_read_is_answered_with_what_is_wrong_with_it(buyer: Http) -> None:
    for content, media_type, *expected in BODIES:
        headers = {} if media_type is None else {"Content-Type": media_type}
        answer = buyer.api.post("/v1/orders", content=content, headers=headers)
        problem = answer.json()
        assert [answer.status_code, problem["code"], problem["field"]] == expected, content[:60]
        assert answer.headers["content-type"] == "application/problem+json"
    assert buyer.get("/v1/orders").json()["items"] == []


def test_a_body_of_unknown_length_is_cut_off_at_the_limit(buyer: Http) -> None:
    answer = buyer.api.post("/v1/orders", content=iter([b"x" * 100_000] * 3), headers={"Content-Type": JSON})
    assert (answer.status_code, answer.json()["limit"]) == (413, "262144 bytes")


def test_a_good_body_may_name_its_charset(buyer: Http) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert buyer.api.post("/v1/orders", content=GOOD.encode(), headers=headers).status_code == 201


def test_names_and_values_that_are_no_text_are_refused(buyer: Http) -> None:
    for text, code, field in (
        (GOOD[:-1] + ', "\\ud800": 1}', "malformed_body", None),
        (GOOD[:-1] + ', "guest": {"\\udc00": 1}}', "invalid_field", "guest"),
        (GOOD[:-1] + ', "\\u0000": 1}', "unknown_field", "\x00"),
        (GOOD[:-1] + f', "{"x" * 200_000}": 1}}', "unknown_field", "x" * 120),
        (GOOD[:-1] + ', "client_order_id": "\\udc00"}', "invalid_field", "client_order_id"),
        (GOOD[:-1] + ', "client_order_id": "\\u0000"}', "invalid_field", "client_order_id"),
        (GOOD[:-1] + ', "instrument": "\\ud800"}', "duplicate_field", "instrument"),
        (GOOD[:-1] + ', "guest": {"user_data": "\\ud800"}}', "invalid_field", "guest.user_data"),
        (GOOD[:-1] + ', "guest": {"user_data": "\\u0000"}}', "invalid_field", "guest.user_data"),
    ):
        problem = buyer.api.post("/v1/orders", content=text.encode(), headers={"Content-Type": JSON}).json()
        assert (problem["code"], problem["field"]) == (code, field), text[:300]


def test_an_address_is_read_as_strictly_as_a_body(buyer: Http, operator: Http) -> None:
    for path, code, field in (
        ("/v1/orders?limit=0", "invalid_field", "limit"),
        ("/v1/orders?limit=501", "invalid_field", "limit"),
        ("/v1/orders?limit=1e2", "invalid_field", "limit"),
        ("/v1/orders?limit=10.0", "invalid_field", "limit"),
        ("/v1/orders?limit=%2B10", "invalid_field", "limit"),
        ("/v1/orders?limit=1_0", "invalid_field", "limit"),
        ("/v1/orders?limit=true", "invalid_field", "limit"),
        ("/v1/orders?limit=", "invalid_field", "limit"),
        (f"/v1/orders?limit={'9' * 5000}", "invalid_field", "limit"),
        ("/v1/orders?open=1", "invalid_field", "open"),
        ("/v1/orders?open=yes", "invalid_field", "open"),
        ("/v1/orders?state=open", "invalid_field", "state"),
        ("/v1/orders?side=buy", "invalid_field", "side"),
        ("/v1/orders?instrument=", "invalid_field", "instrument"),
        ("/v1/orders?offset=5", "unknown_field", "offset"),
        ("/v1/orders?%ff=5", "unknown_field", "\ufffd"),
        ("/v1/orders?after=%00", "invalid_field", "path"),
        (f"/v1/orders?after={'x' * 81}", "invalid_field", "after"),
        (f"/v1/orders/{'x' * 81}", "invalid_field", "order"),
        ("/v1/contracts?state=lost", "invalid_field", "state"),
        (f"/v1/instruments/{CODE}/book?duration=0", "invalid_field", "duration"),
        (f"/v1/instruments/{CODE}/book?duration=1.5", "invalid_field", "duration"),
        (f"/v1/instruments/{CODE}/book?start=now&duration=1", "invalid_field", "start"),
        (f"/v1/instruments/{CODE}/book?start=2026-11-30T23:15:30Z&duration=1", "off_grid", "start"),
        (f"/v1/instruments/{CODE}/book?slices_per_guest=2", "missing_field", "duration"),
        (f"/v1/instruments/{CODE}/book?slices_per_guest=1025&duration=1", "invalid_field", "slices_per_guest"),
        ("/v1/feed/contracts?after=-1", "invalid_field", "after"),
        ("/v1/feed/contracts?limit=0", "invalid_field", "limit"),
        ("/v1/time?zone=utc", "unknown_field", "zone"),
    ):
        answer = operator.get(path) if path.startswith("/v1/feed") else buyer.get(path)
        problem = answer.json()
        assert (answer.status_code, problem["code"], problem["field"]) == (422, code, field), path


def test_a_made_up_cursor_is_refused_by_every_list(buyer: Http, operator: Http) -> None:
    lists = {
        "/v1/orders": ("x", buyer.participant, "ord_0", "0"),
        "/v1/contracts": ("x", "ord_01jmg19y00aqqwq3a5bbrtmkfx"),
        "/v1/nodes": ("x", "../nod"),
        "/v1/documents": ("x", "1"),
        "/v1/account/entries": ("x", "1", "-1.0", "1.2.3", "9" * 30 + ".0", "1.9999999999"),
        f"/v1/instruments/{CODE}/trades": ("x", "1", "1.x"),
    }
    for path, cursors in lists.items():
        for after in cursors:
            problem = buyer.get(path, params={"after": after}).json()
            assert problem["code"] == "malformed_cursor", (path, after)
    assert operator.get("/v1/participants", params={"after": "x"}).json()["code"] == "malformed_cursor"


def test_an_address_that_has_no_such_method_names_those_that_it_has(buyer: Http) -> None:
    for path, methods in (
        ("/v1/orders", "DELETE, GET, POST"),
        ("/v1/orders/x", "DELETE, GET, PATCH"),
        ("/v1/orders/batch", "POST"),
    ):
        answer = buyer.api.put(path)
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
        assert answer.headers["allow"] == methods


def test_an_order_without_an_id_is_not_all_orders(buyer: Http) -> None:
    answer = buyer.delete("/v1/orders/")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
