"""Charges as rows: signs, rounding, and credit notes, on given documents."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from billing.documents.archive import Document
from billing.documents.content import CREDIT_NOTE, INVOICE, SELF_BILLED_INVOICE
from billing.exports.focus.accounts import account_of
from billing.exports.focus.billed import Head
from billing.exports.focus.charges import CostRow, billed_rows
from billing.exports.focus.invoices import details_of
from tests.billing.papers import BUYER, MARKET, PROVIDER, busy_month, charge, paper


def rows_of(document: Document) -> tuple[Head, list[CostRow]]:
    content = document.content
    other = content.buyer if content.seller == MARKET else content.seller
    account = account_of(document.kind, MARKET, other, document.month, "EUR", document.number)
    head = Head(
        document.id,
        document.month,
        document.issued_at_micros,
        account,
        content.lines,
        content.taxes,
        content.corrects,
    )
    return head, list(billed_rows(account, content.lines, content.taxes, content.appendix))


@given(
    st.lists(
        st.tuples(st.integers(1, 10**5), st.integers(1, 9_999), st.sampled_from((0, 70_000, 190_000))),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from((INVOICE, SELF_BILLED_INVOICE, CREDIT_NOTE)),
)
def test_rows_add_up_to_the_document_and_to_the_ledger(given_rows: list[tuple[int, int, int]], kind: str) -> None:
    charges = [
        charge(number, slice_minutes=minutes, price_micros=price, vat_ppm=ppm, vat_category="S" if ppm else "AE")
        for number, (minutes, price, ppm) in enumerate(given_rows)
    ]
    document = paper(kind, PROVIDER if kind == SELF_BILLED_INVOICE else BUYER, charges)
    head, rows = rows_of(document)
    sign = head.account.sign
    billed = sum(Decimal(row.billed) for row in rows)
    assert billed * 100 == sign * document.total_cents
    captured = sum((Decimal(row.billed) for row in rows if row.description != "Rounding to cents"), Decimal(0))
    assert captured.scaleb(6) == sign * document.content.captured_micros
    assert sum(Decimal(detail[0]) for detail in details_of(head)) == billed


def test_a_credit_note_takes_back_and_names_what_it_corrects() -> None:
    head, rows = rows_of(busy_month()["credit_note"])
    assert {row.charge_class for row in rows} == {"Correction"}
    usage = rows[0]
    assert (usage.billed, usage.quantity) == ("-0.833400", "-200.0")
    [detail] = details_of(head)
    assert (detail[0], detail[-1]) == ("-0.83", "INV-2026-000001")


def test_the_fee_of_the_market_is_between_billed_and_listed() -> None:
    _, rows = rows_of(busy_month()["self_billed"])
    assert (rows[0].listed, rows[0].billed) == ("0.833400", "0.791729")
    assert rows[0].account.service_provider == "Rechenhof AG"
    assert rows[0].account.billing_account_id == "market"


def test_computing_and_storage_are_told_apart_down_to_what_is_rounded() -> None:
    disk = charge(1, kind="volume", instrument="fra1.block.firm", slice_minutes=7)
    guest = charge(2, slice_minutes=7, vat_ppm=70_000)
    _, rows = rows_of(paper(INVOICE, replace(BUYER, country="DE"), [disk, guest]))
    assert Counter((row.service.category, row.category, row.description == "Rounding to cents") for row in rows) == {
        (service, category, rounding): 1
        for service in ("Compute", "Storage")
        for category in ("Usage", "Tax")
        for rounding in (False, True)
    }
    assert {row.service.category: row.resource_type for row in rows if row.resource} == {
        "Compute": "Nested virtual machine",
        "Storage": "Block volume",
    }


def test_a_price_id_names_one_price() -> None:
    fees = [charge(number, item="release", slice_minutes=number) for number in (1, 2)]
    _, rows = rows_of(paper(INVOICE, BUYER, [charge(3), charge(4), *fees]))
    prices = {(row.sku_price, row.unit, row.unit_price) for row in rows if row.sku_price}
    assert len(prices) == len({price for price, _, _ in prices}) == 3


def test_names_cannot_run_in_a_spreadsheet() -> None:
    named = replace(BUYER, company='=HYPERLINK("x")')
    _, rows = rows_of(paper(INVOICE, named, [charge(1)]))
    assert rows[0].account.billing_account_name == '\'=HYPERLINK("x")'
