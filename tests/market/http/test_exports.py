from __future__ import annotations

import csv
import io

import pyarrow.parquet
import pytest

from tests.billing.factories import MONTH
from tests.market.factories import World
from tests.market.http.billing_month import close_a_month
from tests.market.http.conftest import Http

FOCUS = "/v1/exports/focus"


@pytest.fixture
def month(world: World, buyer: Http, provider: Http) -> None:
    close_a_month(world, buyer, provider)


def rows(who: Http, path: str, **query: str) -> list[dict[str, str]]:
    answer = who.get(path, params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


@pytest.mark.usefixtures("month")
def test_everybody_gets_its_own_costs_and_the_operator_all(operator: Http, buyer: Http, provider: Http) -> None:
    bought, sold = rows(buyer, FOCUS), rows(provider, FOCUS, month=MONTH)
    assert {row["BillingAccountId"] for row in bought} == {buyer.participant}
    assert {row["SubAccountId"] for row in sold} == {provider.participant}
    assert rows(operator, FOCUS) == []
    assert len(rows(operator, FOCUS, everybody="true")) == len(bought) + len(sold)
    assert buyer.get(FOCUS, params={"everybody": "true"}).status_code == 403


@pytest.mark.usefixtures("month")
def test_focus_comes_in_versions_datasets_and_formats(buyer: Http) -> None:
    details = rows(buyer, FOCUS, version="1.4", dataset="invoice-detail")
    assert {row["InvoiceId"] for row in details} == {"INV-2026-000001"}
    assert len(rows(buyer, FOCUS, version="1.4", dataset="billing-period")) == 1
    parquet = buyer.get(FOCUS, params={"format": "parquet"})
    assert pyarrow.parquet.read_table(io.BytesIO(parquet.content)).num_rows == len(rows(buyer, FOCUS))


@pytest.mark.usefixtures("month")
def test_usage_and_statement_come_as_csv_or_json(buyer: Http) -> None:
    for name, count in (("usage", 40), ("statement", None)):
        path = f"/v1/exports/{name}"
        listed = rows(buyer, path, month=MONTH)
        assert buyer.get(path, params={"month": MONTH, "format": "json"}).json() == listed
        assert count in (None, len(listed))


@pytest.mark.usefixtures("month")
def test_the_ledger_is_for_the_operator_alone(operator: Http, buyer: Http) -> None:
    for form, said in (("hledger", "commodity 1000.000000 EUR"), ("beancount", 'option "operating_currency" "EUR"')):
        assert operator.get("/v1/exports/journal", params={"format": form}).text.startswith(said)
    for path in ("journal", "payouts"):
        assert buyer.get(f"/v1/exports/{path}").status_code == 403


def test_what_cannot_be_exported_is_a_problem_and_not_half_a_file(operator: Http, buyer: Http) -> None:
    for path, query, code in (
        ("usage", {"month": "2026-13"}, "invalid_field"),
        ("statement", {}, "missing_field"),
        ("focus", {"month": "never"}, "invalid_field"),
        ("focus", {"dataset": "invoice-detail"}, "invalid_field"),
        ("focus", {"since": "2026-10"}, "unknown_field"),
    ):
        answer = buyer.get(f"/v1/exports/{path}", params=query)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert operator.get("/v1/exports/payouts", params={"key": "never"}).json()["code"] == "not_a_sepa_payment"
    assert operator.get("/v1/exports/payouts").json()["code"] == "missing_field"
