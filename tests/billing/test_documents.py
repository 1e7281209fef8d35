"""Documents: lines, rounding, tax, numbers, and bytes that never change."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from billing import periods
from billing.documents import Document, get_document, list_documents, render_csv, render_json
from billing.documents.composition import compose, rounding_micros
from billing.documents.content import Charge, Party
from billing.documents.issue import draft, finalise
from billing.identities import save
from billing.tables import billed_day, billing_period, document
from common.errors import Conflict, NotFound
from common.money import share_floor
from tests.billing.factories import (
    AT,
    AUSTRIAN_BUYER,
    END,
    GERMAN_PROVIDER,
    GRACE,
    MONTH,
    START,
    TERMS,
    Agent,
    contract,
    deliver,
    trade,
)

SELLER, BUYER = Party("market"), Party("buyer")


def charge(net_micros: int, **changes: Any) -> Charge:
    plain = Charge("fra1.std.firm", 1, "S", 190_000, "con", "2026-10-01", 1, 1, net_micros, 0, net_micros, 0)
    return replace(plain, **{"vat_micros": share_floor(net_micros, 190_000)} | changes)


@pytest.fixture
def closed(books: Connection) -> Connection:
    """A month in which a buyer bought at two prices, of two providers, over midnight."""
    save(books, "provider", GERMAN_PROVIDER, AT)
    save(books, "buyer", replace(AUSTRIAN_BUYER, company='=HYPERLINK("x";"Übermorgen, GmbH")'), AT)
    reverse = replace(TERMS, buyer_vat_ppm=0, buyer_vat_category="AE")
    trade(
        books,
        contract("con1", minutes=2000, price_micros=4_167, terms=reverse),
        contract("con2", price_micros=4_167, terms=reverse),
        contract("con3", price_micros=99, terms=reverse, slices=1),
    )
    agent = Agent()
    deliver(books, agent, "con1", START, [60] * 1500)
    deliver(books, agent, "con2", START, [60] * 9)
    deliver(books, agent, "con3", START, [60] * 3)
    periods.close(books, MONTH, END + GRACE, END * 60_000_000 + 301_500_000, GRACE)
    return books


def only(connection: Connection, participant: str) -> Document:
    [found] = list_documents(connection, participant, "", 10)
    return get_document(connection, participant, found.id)


def test_there_is_one_line_per_instrument_price_and_tax(closed: Connection) -> None:
    content = only(closed, "buyer").content
    assert [(line.price_micros, line.slice_minutes, line.net_cents) for line in content.lines] == [
        (99, 3, 0),
        (4_167, 2 * 1509, 1_258),
    ]
    assert [(row.contract_id, row.day, row.billed_minutes) for row in content.appendix] == [
        ("con3", "2026-10-01", 3),
        ("con1", "2026-10-01", 1440),
        ("con1", "2026-10-02", 60),
        ("con2", "2026-10-01", 9),
    ]


def test_the_buyer_pays_gross_and_the_provider_is_paid_net_of_the_fee(closed: Connection) -> None:
    invoice, self_billed = only(closed, "buyer"), only(closed, "provider")
    assert (invoice.kind, invoice.type_code, invoice.number) == ("invoice", 380, "INV-2026-000001")
    assert (invoice.content.seller.participant_id, invoice.content.buyer.tax_number) == ("market", "ATU13585627")
    assert [(tax.vat_category, tax.exemption, tax.vat_cents) for tax in invoice.content.taxes] == [
        ("AE", "VATEX-EU-AE", 0)
    ]
    assert (self_billed.kind, self_billed.type_code, self_billed.number) == (
        "self_billed_invoice",
        389,
        "SBI-2026-000001",
    )
    assert (self_billed.content.seller.company, self_billed.content.buyer.participant_id) == ("Rechenhof AG", "market")
    gross = 3018 * 4_167 + 297
    captured = sum(line.net_micros for line in self_billed.content.lines)
    assert captured == gross - sum(line.fee_micros for line in self_billed.content.lines)
    assert (self_billed.net_cents, self_billed.vat_cents, self_billed.total_cents) == (1_195, 227, 1_422)
    assert invoice.total_cents * 10_000 + invoice.rounding_micros == gross


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=8), st.integers(0, 300_000), st.randoms())
def test_rounding_is_what_the_cents_do_not_say_and_order_does_not_matter(
    nets: list[int], ppm: int, random: Any
) -> None:
    charges = [
        charge(net, price_micros=index % 3 + 1, vat_ppm=ppm, vat_micros=share_floor(net, ppm), contract_id=f"c{index}")
        for index, net in enumerate(nets)
    ]
    content = compose(SELLER, BUYER, charges)
    captured = sum(one.net_micros + one.vat_micros for one in charges)
    total = content.net_cents + content.vat_cents
    assert total * 10_000 + rounding_micros(content) == captured
    assert abs(rounding_micros(content)) <= 10_000 * (len(content.lines) + 2)
    random.shuffle(charges)
    assert compose(SELLER, BUYER, charges) == content


@pytest.mark.parametrize(("net", "cents"), [(4_999, 0), (5_000, 1), (14_999, 1), (15_000, 2)])
def test_a_line_is_rounded_half_up(net: int, cents: int) -> None:
    assert compose(SELLER, BUYER, [charge(net)]).net_cents == cents


def test_tiny_charges_of_many_contracts_are_summed_before_they_are_rounded() -> None:
    charges = [charge(1_000, contract_id=f"c{number}") for number in range(100)]
    assert compose(SELLER, BUYER, charges).net_cents == 10


def test_tax_is_computed_per_category_on_the_summed_base() -> None:
    charges = [charge(20_000, price_micros=price) for price in (1, 2, 3, 4)]
    charges.append(charge(990_000, vat_category="O", vat_ppm=0, vat_micros=0))
    content = compose(SELLER, BUYER, charges)
    assert [(tax.vat_category, tax.base_cents, tax.vat_cents, tax.exemption) for tax in content.taxes] == [
        ("O", 99, 0, "VATEX-EU-O"),
        ("S", 8, 2, None),
    ]


def test_json_is_the_same_bytes_every_time_and_has_decimal_text(closed: Connection) -> None:
    first = render_json(only(closed, "buyer"))
    assert first == render_json(only(closed, "buyer"))
    body = json.loads(first)
    assert (body["net"], body["vat"], body["total"]) == ("12.58", "0.00", "12.58")
    assert body["rounding"] == "-0.003697"
    assert body["issued_at"] == "2026-11-01T00:05:01Z"
    assert body["lines"][1] == {
        "line": 2,
        "item": "usage",
        "instrument": "fra1.std.firm",
        "name": "fra1.std.firm",
        "unit": "slice-minute",
        "quantity": 3018,
        "unit_price": "0.004167",
        "gross": "12.576006",
        "fee": "0.000000",
        "net_unrounded": "12.576006",
        "net": "12.58",
        "vat_category": "AE",
        "vat_percent": "0.0000",
    }
    assert len(body["appendix"]) == 4


def test_csv_has_a_header_and_no_formula(closed: Connection) -> None:
    written = render_csv(only(closed, "buyer"))
    assert written == render_csv(only(closed, "buyer"))
    assert written.count(b"\r\n") == 3
    rows = list(csv.DictReader(io.StringIO(written.decode(), newline="")))
    assert [(row["unit_price"], row["quantity"], row["net"]) for row in rows] == [
        ("0.000099", "3", "0.00"),
        ("0.004167", "3018", "12.58"),
    ]
    assert [(row["item"], row["name"]) for row in rows] == [("usage", "fra1.std.firm")] * 2
    assert rows[0]["buyer"] == '\'=HYPERLINK("x";"Übermorgen, GmbH")'


def test_a_document_is_found_by_its_owner_alone(closed: Connection) -> None:
    invoice = only(closed, "buyer")
    assert get_document(closed, "buyer", invoice.id) == invoice
    assert list_documents(closed, "buyer", invoice.id, 10) == []
    for participant, wanted in (("provider", invoice.id), ("buyer", "doc_none")):
        with pytest.raises(NotFound):
            get_document(closed, participant, wanted)


def test_only_a_draft_can_be_finalised_and_is_unseen_until_then(closed: Connection) -> None:
    with pytest.raises(Conflict):
        finalise(closed, [only(closed, "buyer").id], AT)
    closed.execute(billing_period.insert().values(month="2026-11", state="open"))
    charges = {("invoice", "other"): [charge(5)]}
    drafted = draft(closed, "2026-11", charges, AT)
    assert list_documents(closed, "other", "", 10) == []
    finalise(closed, drafted, AT)
    assert [only(closed, "other").id] == drafted


@pytest.mark.parametrize("change", ["rounding_micros = 1", "state = 'draft'", "content = '{}'"])
def test_nothing_of_a_final_document_changes_but_its_state(closed: Connection, change: str) -> None:
    closed.exec_driver_sql("UPDATE document SET state = 'void' WHERE kind = 'invoice'")
    statement = f"UPDATE document SET {change} WHERE kind = 'invoice'"  # noqa: S608  # from the list above
    with pytest.raises(DBAPIError, match="immutable"):
        closed.exec_driver_sql(statement)


def test_a_final_document_cannot_be_deleted(closed: Connection) -> None:
    with pytest.raises(DBAPIError, match="immutable"):
        closed.execute(document.delete())


def test_frozen_days_cannot_be_changed(closed: Connection) -> None:
    with pytest.raises(DBAPIError, match="immutable"):
        closed.execute(billed_day.update().values(billed_minutes=0))
