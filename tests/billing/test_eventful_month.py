"""A month with everything in it, in the database: its figures agree to the micro-unit, and every format of every
document and export passes the validators that others run."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import facturx
import pytest
from focus_data_toolkit.model.validator import lint_focus_1_4_structure
from focus_data_toolkit.validate.bundle import validate_dataset_bundle
from sqlalchemy import Connection, Engine, select, text

from billing.documents.archive import Document
from billing.documents.as_cii import render_cii
from billing.documents.as_pdf import render_pdf
from billing.documents.as_ubl import render_ubl
from billing.documents.content import BUYERS_KINDS, CREDITS
from billing.exports.as_text import csv_pieces
from billing.exports.focus import datasets
from billing.exports.focus.charges import ROUNDING
from billing.exports.journals import beancount_pieces, hledger_pieces
from billing.exports.snapshot import snapshot
from billing.invariants import check
from billing.tables import billable_contract
from common.money import MICROS_PER_CENT
from tests.billing.einvoice_rules import broken_rules
from tests.billing.eventful_month import documents, live_eventful_month
from tests.billing.exports.focus.focus_rules import broken_rules as broken_focus_rules
from tests.billing.exports.journals.programs import beancount_complaint, hledger_complaint
from tests.billing.factories import MONTH, START, open_market, open_participants
from tests.billing.shared_guests import CHAINS, GUEST_END, LARGER, SMALLER, SOLD, SOLD_AGAIN

Rows = list[dict[str, str]]

METERED = text("SELECT contract_id, sum(seconds) / 60 AS minutes FROM usage_minute GROUP BY contract_id")
CAPTURED = text("""
    SELECT sum(-entry.amount_micros) FILTER (
            WHERE transfer.kind IN ('settle', 'release') AND entry.account_id LIKE '%/escrow'
                OR transfer.kind IN ('credit', 'bust') AND entry.account_id LIKE '%/cash'
        ) AS from_buyers,
        sum(entry.amount_micros) FILTER (
            WHERE transfer.kind IN ('settle', 'release', 'credit', 'bust')
                AND (entry.account_id LIKE '%/earned' OR entry.account_id LIKE '%/payable'
                    OR entry.account_id = 'market/reserve')
        ) AS to_providers
    FROM ledger_entry AS entry JOIN ledger_transfer AS transfer ON transfer.id = entry.transfer_id
""")


@pytest.fixture(scope="module")
def month(module_database: Engine) -> Iterator[Connection]:
    with module_database.begin() as connection:
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        open_market(connection)
        open_participants(connection, "buyer", "provider")
        live_eventful_month(connection)
    with snapshot(module_database) as connection:
        yield connection


@pytest.fixture(scope="module")
def papers(month: Connection) -> list[Document]:
    return documents(month)


def written(connection: Connection, version: str, name: str, which: str | None = None) -> bytes:
    one = datasets.dataset(connection, version, name, None, which)
    return b"".join(csv_pieces(one.header, one.rows))


def rows(data: bytes) -> Rows:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def with_a_form(papers: list[Document]) -> list[Document]:
    """All but the one that mixes lines inside and outside the scope of VAT, which EN 16931 cannot say."""
    mixed = [paper for paper in papers if {"O", "S"} <= {tax.vat_category for tax in paper.content.taxes}]
    assert [(paper.kind, paper.participant_id) for paper in mixed] == [("self_billed_invoice", "tinkerer")]
    return [paper for paper in papers if paper not in mixed]


def share(amount: int, ppm: int) -> int:
    return amount * ppm // 1_000_000


def metered_by_price(connection: Connection) -> tuple[int, int]:
    """What buyers pay and providers earn, out of the metered minutes and the terms alone: contract by contract, the
    price of its minutes and its release fee, less what was credited; nothing of what was busted."""
    minutes = {row.contract_id: int(row.minutes) for row in connection.execute(METERED)}
    of_buyers = of_providers = 0
    for row in connection.execute(
        select(billable_contract).where(billable_contract.c.ending.is_distinct_from("busted"))
    ):
        price = row.price_micros * row.slices
        fee = share(price * row.released_minutes, row.release_ppm)
        for sign, gross in (
            (1, price * minutes.get(row.contract_id, 0) + fee),
            (-1, price * row.credited_minutes),
        ):
            net = gross - share(gross, row.fee_ppm)
            of_buyers += sign * (gross + share(gross, row.buyer_vat_ppm))
            of_providers += sign * (net + share(net, row.provider_vat_ppm))
    return of_buyers, of_providers


def test_the_four_figures_are_equal_to_the_micro_unit(month: Connection, papers: list[Document]) -> None:
    captured = month.execute(CAPTURED).one()
    costs = rows(written(month, "1.4", "cost-and-usage"))
    documented, unbilled, focus = Counter[bool](), Counter[bool](), Counter[bool]()
    for paper in papers:
        sign = -1 if paper.kind in CREDITS else 1
        amount = paper.total_cents * MICROS_PER_CENT + paper.rounding_micros
        documented[paper.kind in BUYERS_KINDS] += sign * amount
    for row in costs:
        of_buyers = row["BillingAccountId"] != "market"
        micros = int(Decimal(row["BilledCost"]).scaleb(6))
        focus[of_buyers] += 0 if row["ChargeDescription"] == ROUNDING else micros
        unbilled[of_buyers] += 0 if row["InvoiceId"] else micros
    for index, of_buyers in enumerate((True, False)):
        figures = {
            "captured": captured[index],
            "metered": metered_by_price(month)[index],
            "documents, rounding and unbilled": documented[of_buyers] + unbilled[of_buyers],
            "FOCUS before rounding": focus[of_buyers],
        }
        assert len(set(figures.values())) == 1, figures
        assert unbilled[of_buyers] > 0


def test_invoice_lines_and_focus_s_billed_cost_are_equal_to_the_cent(month: Connection, papers: list[Document]) -> None:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows(written(month, "1.4", "cost-and-usage")):
        sums[row["InvoiceDetailId"]] += Decimal(row["BilledCost"])
    lines = {
        f"{paper.number}/{line.number}": Decimal(line.net_cents) / (-100 if paper.kind in CREDITS else 100)
        for paper in papers
        for line in paper.content.lines
    }
    assert {key: sums[key] for key in lines} == lines
    details = {
        row["InvoiceDetailId"]: Decimal(row["BilledCost"]) for row in rows(written(month, "1.4", "invoice-detail"))
    }
    assert {key: amount for key, amount in sums.items() if key} == details


def test_the_books_are_right_and_every_sort_of_document_is_there(month: Connection, papers: list[Document]) -> None:
    assert check(month) == []
    assert {paper.kind for paper in papers} == {*BUYERS_KINDS, "self_billed_invoice", "self_billed_credit_note"}
    assert {paper.state for paper in papers} == {"finalised", "paid", "void"}
    lines = [(line.item, line.vat_category, line.vat_ppm) for paper in papers for line in paper.content.lines]
    assert {item for item, _, _ in lines} == {"usage", "release"}
    assert {(category, ppm) for _, category, ppm in lines} == {("S", 190_000), ("S", 70_000), ("AE", 0), ("O", 0)}


def test_contracts_that_share_a_guest_are_costs_of_their_own_and_volumes_are_storage(month: Connection) -> None:
    used: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in rows(written(month, "1.4", "cost-and-usage", MONTH)):
        if row["ChargeCategory"] == "Usage" and row["ResourceId"] and row["PricingUnit"] == "Slice-Minutes":
            used[row["ServiceCategory"], row["ResourceType"]][row["ResourceId"]] += int(float(row["PricingQuantity"]))
    guests, volumes = used["Compute", "Nested virtual machine"], used.pop(("Storage", "Block volume"))
    assert list(used) == [("Compute", "Nested virtual machine")]
    assert volumes == {
        "disk": 2 * 61 * 10,
        "small-disk": 2 * 61 * 2,
    }  # of two slices, and of ten; to buyer and provider
    for name, until in CHAINS.items():
        behind = (until - SOLD_AGAIN) * 91 // 120
        before = {name: SOLD_AGAIN - START, f"{name}-part": SOLD_AGAIN - SOLD, f"{name}-rest": 0}
        assert {one: guests[one] for one in before} == {one: 2 * 2 * (first + behind) for one, first in before.items()}
    late = (GUEST_END - SMALLER) * 59 // 60
    assert guests["guest"] == 2 * (SMALLER - START + late)
    assert guests["larger"] == 2 * 3 * (SMALLER - LARGER)
    assert guests["largest"] == 2 * 3 * (SMALLER - LARGER - 60 + late)


@pytest.mark.parametrize("render", [render_ubl, render_cii])
def test_every_document_keeps_the_rules_of_en_16931(
    papers: list[Document], render: Callable[[Document], bytes]
) -> None:
    broken = {paper.number: found for paper in with_a_form(papers) if (found := broken_rules(render(paper)))}
    assert broken == {}


def test_every_document_is_a_factur_x_that_is_read_back(papers: list[Document]) -> None:
    for paper in with_a_form(papers):
        found = facturx.get_facturx_xml_from_pdf(render_pdf(paper), check_xsd=True, check_schematron=False)
        assert found == ("factur-x.xml", render_cii(paper)), paper.number


def test_the_rules_of_focus_hold_for_releases_credits_and_what_is_open(month: Connection, tmp_path: Path) -> None:
    for name, which, allowed in (("closed", MONTH, "InvoiceId-C-004-C"), ("open", "2026-11", "InvoiceId-C-005-C")):
        (tmp_path / f"{name}.csv").write_bytes(written(month, "1.2", "cost-and-usage", which))
        assert broken_focus_rules(tmp_path / f"{name}.csv") == {allowed}, name
    bundle = {
        title: rows(written(month, "1.4", name))
        for name, title in (
            ("cost-and-usage", "Cost and Usage"),
            ("invoice-detail", "Invoice Detail"),
            ("billing-period", "Billing Period"),
        )
    }
    for title, found in bundle.items():
        assert not lint_focus_1_4_structure(title, found).violations
    report = validate_dataset_bundle(bundle, invoice_detail_authoritative=True, rounding_tolerance=Decimal(0))
    assert report.ok, report.format()


def test_both_programs_take_the_whole_ledger(month: Connection, tmp_path: Path) -> None:
    for pieces, complaint in ((hledger_pieces, hledger_complaint), (beancount_pieces, beancount_complaint)):
        (tmp_path / "journal").write_bytes(b"".join(pieces(month, "EUR")))
        assert complaint(tmp_path / "journal") == ""
