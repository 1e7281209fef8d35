"""The XML of documents: both syntaxes keep the official rules, say the same, and are the same bytes every time."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from billing.documents import Document
from billing.documents.as_cii import render_cii
from billing.documents.as_ubl import render_ubl
from billing.documents.content import INVOICE, SELF_BILLED_INVOICE, Charge, Party
from common.errors import Refused
from tests.billing.einvoice_rules import broken_rules
from tests.billing.papers import BUYER, GREEK, PROVIDER, SMALL_PROVIDER, busy_month, charge, paper

PAPERS = busy_month()
SYNTAXES = (render_ubl, render_cii)

# What is broken: the document, the element in each syntax, its value, a wrong one, and the rules that find it.
BREAKS = {
    "sum of the lines": ("self_billed", ("LineExtensionAmount", "LineTotalAmount"), "2.38", "2.39", "BR-CO-10"),
    "tax": ("self_billed", ("TaxAmount", "CalculatedAmount"), "0.45", "0.46", "BR-CO-14"),
    "total": ("self_billed", ("TaxInclusiveAmount", "GrandTotalAmount"), "2.83", "2.84", "BR-CO-15"),
    "due": ("self_billed", ("PayableAmount", "DuePayableAmount"), "2.83", "2.84", "BR-CO-16"),
    "currency": ("self_billed", ("DocumentCurrencyCode", "InvoiceCurrencyCode"), "EUR", "EUX", "BR-CL-04|000595"),
    "country": ("self_billed", ("IdentificationCode", "CountryID"), "DE", "XX", "BR-CL-14|000580"),
    "VAT number": ("reverse_charge", ("CompanyID", "ID"), "DE136695976", "136695976", "BR-CO-09"),
    "reason for no tax": (
        "reverse_charge",
        ("TaxExemptionReasonCode", "ExemptionReasonCode"),
        "VATEX-EU-AE",
        "VATEX-EU-XX",
        "BR-CL-22|000589",
    ),
    "type": ("normal", ("InvoiceTypeCode", "TypeCode"), "380", "999", "BR-CL-01|000555"),
    "account": ("self_billed", ("PaymentMeansCode", "IBANID"), None, "", "BR-49|BR-5|BR-61|BR-CL-16|R008"),
}


def values(written: bytes, tag: str) -> list[str | None]:
    return [element.text for element in etree.fromstring(written).iter(f"{{*}}{tag}")]


@pytest.mark.parametrize("render", SYNTAXES)
@pytest.mark.parametrize("name", PAPERS)
def test_every_kind_of_document_keeps_the_rules(name: str, render: Callable[[Document], bytes]) -> None:
    assert broken_rules(render(PAPERS[name])) == []


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(0, 10**4), st.sampled_from((0, 5, 19, 25))),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_was_delivered_keeps_the_rules(rows: list[tuple[int, int, int, int]]) -> None:
    charges = [
        charge(
            number, slice_minutes=minutes, price_micros=price, fee_micros=price * minutes * fee // 10**6, **_tax(ppm)
        )
        for number, (minutes, price, fee, ppm) in enumerate(rows)
    ]
    document = paper(SELF_BILLED_INVOICE, PROVIDER, charges)
    for render in SYNTAXES:
        assert broken_rules(render(document)) == []


def _tax(percent: int) -> dict[str, int | str]:
    return {"vat_ppm": percent * 10_000, "vat_category": "S" if percent else "AE"}


@pytest.mark.parametrize("what", BREAKS)
def test_one_broken_value_is_found(what: str) -> None:
    name, tags, right, wrong, rule = BREAKS[what]
    for render, tag in zip(SYNTAXES, tags, strict=True):
        tree = etree.fromstring(render(PAPERS[name]))
        element = next(one for one in tree.iter(f"{{*}}{tag}") if right in (None, one.text))
        element.text = wrong
        found = broken_rules(etree.tostring(tree))
        assert any(re.search(rule, one) for one in found), found


def test_both_syntaxes_say_the_same_amounts() -> None:
    for document in PAPERS.values():
        ubl, cii = render_ubl(document), render_cii(document)
        assert values(ubl, "TaxInclusiveAmount") == values(cii, "GrandTotalAmount")
        assert values(ubl, "PayableAmount") == values(cii, "DuePayableAmount")
        assert values(ubl, "LineExtensionAmount")[1:] == values(cii, "LineTotalAmount")[: len(document.content.lines)]
        assert values(ubl, "PriceAmount") == values(cii, "ChargeAmount")


def test_the_buyer_has_paid_and_the_provider_is_still_to_be_paid() -> None:
    assert values(render_ubl(PAPERS["normal"]), "PayableAmount") == ["0.00"]
    self_billed = render_ubl(PAPERS["self_billed"])
    assert values(self_billed, "PayableAmount") == ["2.83"]
    assert values(self_billed, "PaymentMeansCode") == ["58"]
    assert b"DE89370400440532013000" in self_billed


def test_the_fee_is_an_allowance_that_makes_quantity_times_price_the_net() -> None:
    written = render_ubl(PAPERS["self_billed"])
    [quantity], [price], [fee] = (values(written, tag) for tag in ("InvoicedQuantity", "PriceAmount", "Amount"))
    assert (quantity, price, fee) == ("600", "0.004167", "0.12")
    assert values(written, "LineExtensionAmount") == ["2.38", "2.38"]


def test_a_credit_note_names_what_it_corrects() -> None:
    for render in SYNTAXES:
        written = render(PAPERS["credit_note"])
        assert b"INV-2026-000001" in written
    assert etree.QName(etree.fromstring(render_ubl(PAPERS["credit_note"]))).localname == "CreditNote"


def test_outside_the_scope_of_vat_no_vat_number_is_named_as_one() -> None:
    for name in ("outside_the_union", "without_vat_number", "american_provider"):
        assert values(render_ubl(PAPERS[name]), "Percent") == []
        assert b'schemeID="VA"' not in render_cii(PAPERS[name])


def test_names_of_every_script_arrive() -> None:
    for render in SYNTAXES:
        assert (GREEK.company or "").encode() in render(PAPERS["greek"])
        assert (SMALL_PROVIDER.company or "") in values(render(PAPERS["without_vat_number"]), _NAME[render])


_NAME = {render_ubl: "RegistrationName", render_cii: "Name"}


@pytest.mark.parametrize("render", SYNTAXES)
def test_the_same_document_gives_the_same_bytes(render: Callable[[Document], bytes]) -> None:
    assert render(PAPERS["normal"]) == render(busy_month()["normal"])


@pytest.mark.parametrize("render", SYNTAXES)
def test_what_the_standard_has_no_form_for_is_refused(render: Callable[[Document], bytes]) -> None:
    mixed: list[Charge] = [charge(1), charge(2, vat_category="O", vat_ppm=0)]
    nowhere = paper(INVOICE, Party("nobody"), [charge(1)])
    nowhere = replace(nowhere, content=replace(nowhere.content, seller=Party("market")))
    for document in (paper(INVOICE, BUYER, mixed), nowhere):
        with pytest.raises(Refused) as refused:
            render(document)
        assert refused.value.code == "not_an_e_invoice"
