"""A finance department's calls: statements, balances of the past, withdrawals, payouts."""

from __future__ import annotations

from common.minutes import minute_text
from tests.market.factories import START_MINUTE
from tests.market.http.conftest import Http

SPAN = {"start": minute_text(START_MINUTE - 60), "end": minute_text(START_MINUTE + 60)}
THERE = {"iban": "DE89370400440532013000", "holder": "Blauwal Builds"}


def test_a_statement_opens_closes_and_says_what_came_between(buyer: Http) -> None:
    whole = buyer.get("/v1/account/statement", params=SPAN).json()
    assert (whole["opening"]["cash"], whole["closing"]["cash"]) == ("0.000000", "100.000000")
    assert [(entry["kind"], entry["amount"]) for entry in whole["items"]] == [("deposit", "100.000000")]
    then = buyer.get("/v1/account/balances", params={"at": SPAN["start"]}).json()
    assert then["balances"]["cash"] == "0.000000"


def test_the_accounts_of_others_are_the_operator_s_to_see(buyer: Http, operator: Http) -> None:
    assert buyer.get("/v1/account/statement", params={**SPAN, "participant": "market"}).status_code == 403
    seen = operator.get("/v1/account/statement", params={**SPAN, "participant": "market"}).json()
    assert seen["closing"]["bank"] == "-100.000000"
    nobody = operator.get("/v1/account/balances", params={"at": SPAN["end"], "participant": "prt_none"})
    assert nobody.status_code == 404
    crooked = buyer.get("/v1/account/statement", params={**SPAN, "start": "yesterday"})
    assert (crooked.status_code, crooked.json()["code"]) == (422, "invalid_field")


def test_a_withdrawal_leaves_the_account_at_once(buyer: Http) -> None:
    body = {"amount": "40.00", "key": "rent"}
    assert buyer.post("/v1/withdrawals", body).json()["code"] == "iban_missing"
    made = buyer.post("/v1/withdrawals", body | THERE)
    assert made.status_code == 201, made.text
    assert buyer.post("/v1/withdrawals", body | THERE).json() == made.json()
    assert buyer.get("/v1/account").json()["available"] == "60.000000"
    assert buyer.get("/v1/payments").json()["items"] == [made.json()]
    more = buyer.post("/v1/withdrawals", {"amount": "60.01", "key": "more"} | THERE)
    assert more.json()["code"] == "insufficient_funds"
    other = buyer.post("/v1/withdrawals", {"amount": "41.00", "key": "rent"} | THERE)
    assert (other.status_code, other.json()["code"]) == (409, "transfer_conflict")


def test_payouts_are_the_operator_s(buyer: Http, operator: Http) -> None:
    assert buyer.post("/v1/payouts", {"key": "november"}).status_code == 403
    assert operator.post("/v1/payouts", {"key": "november"}).json() == {
        "key": "november",
        "payments": 0,
        "total": "0.000000",
    }
    assert operator.get("/v1/payouts", params={"key": "november"}).json() == {"items": [], "next": None}
