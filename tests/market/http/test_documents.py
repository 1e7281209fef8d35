from __future__ import annotations

import json

import facturx
import pytest

from tests.billing.einvoice_rules import broken_rules
from tests.market.factories import World
from tests.market.http.billing_month import close_a_month
from tests.market.http.conftest import Http


@pytest.fixture
def month(world: World, buyer: Http, provider: Http) -> None:
    close_a_month(world, buyer, provider)


@pytest.mark.usefixtures("month")
def test_a_document_comes_in_the_format_that_is_accepted(buyer: Http, provider: Http) -> None:
    for who, number in ((buyer, "INV-2026-000001"), (provider, "SBI-2026-000001")):
        [head] = who.get("/v1/documents").json()["items"]
        path = f"/v1/documents/{head['id']}"
        assert (head["number"], json.loads(who.get(path).content)["number"]) == (number, number)
        for media_type in ("application/ubl+xml", "application/cii+xml"):
            answer = who.get(path, headers={"Accept": f"text/html, {media_type};q=0.9"})
            assert answer.headers["content-type"] == media_type
            assert broken_rules(answer.content) == []
        pdf = who.get(path, headers={"Accept": "application/pdf"})
        assert facturx.get_facturx_xml_from_pdf(pdf.content, check_schematron=False)[1] == answer.content
        assert who.get(path, headers={"Accept": "text/csv"}).text.startswith("number,")


@pytest.mark.usefixtures("month")
def test_nobody_else_s_document_is_shown(buyer: Http, provider: Http) -> None:
    [head] = buyer.get("/v1/documents").json()["items"]
    assert provider.get(f"/v1/documents/{head['id']}", headers={"Accept": "application/pdf"}).status_code == 404
    assert provider.get("/v1/documents", params={"everybody": True}).json()["code"] == "scope_missing"


@pytest.mark.usefixtures("month")
def test_the_operator_sees_everybody_s_documents_by_the_month(operator: Http, buyer: Http, provider: Http) -> None:
    own = [who.get("/v1/documents").json()["items"][0] for who in (buyer, provider)]
    month = own[0]["period"]
    found = operator.get("/v1/documents", params={"everybody": True, "month": month}).json()["items"]
    assert sorted(found, key=lambda one: one["number"]) == own
    assert operator.get(f"/v1/documents/{own[0]['id']}").json()["number"] == own[0]["number"]
    assert operator.get("/v1/documents", params={"everybody": True, "month": "2001-01"}).json()["items"] == []
    assert operator.get("/v1/documents").json()["items"] == []
