"""Corrections: credit notes for what was credited, and documents that are voided and issued anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import Connection

from billing import endings, ledger, payments, periods
from billing.credits import CreditRequest, credit
from billing.documents import Document, get_document, list_documents
from billing.documents.corrections import reissue
from billing.identities import save
from billing.invariants import check
from common.errors import Conflict, NotFound
from tests.billing.factories import (
    AT,
    AUSTRIAN_BUYER,
    END,
    GERMAN_PROVIDER,
    GRACE,
    MONTH,
    START,
    Agent,
    contract,
    deliver,
    everybody,
    trade,
)

LATER = AT + 99_000_000
PRICE = 33_333


def papers(connection: Connection, participant: str) -> list[Document]:
    return [get_document(connection, participant, one.id) for one in list_documents(connection, participant, "", 20)]


@pytest.fixture
def closed(books: Connection) -> Connection:
    """A month with a contract that goes on after it."""
    save(books, "provider", GERMAN_PROVIDER, AT)
    save(books, "buyer", AUSTRIAN_BUYER, AT)
    trade(books, contract("con", minutes=3000, price_micros=PRICE), contract("long", start=END - 5, price_micros=PRICE))
    deliver(books, Agent(), "con", START, [60] * 2000)
    deliver(books, Agent(sequence=2000), "long", END - 5, [60] * 4)
    periods.close(books, MONTH, END + GRACE, AT, GRACE)
    return books


def take_back(connection: Connection, minutes: int, key: str, day: int = 1) -> None:
    credit(connection, CreditRequest("con", date(2026, 10, day), minutes, key, "it was slow"), LATER)


def test_a_credit_is_noted_to_both_sides_with_what_it_corrects(closed: Connection) -> None:
    take_back(closed, 90, "one")
    invoice, note = papers(closed, "buyer")
    assert (note.kind, note.type_code, note.number, note.state) == ("credit_note", 381, "CN-2026-000001", "finalised")
    assert note.content.corrects is not None
    assert (note.content.corrects.number, note.content.corrects.reason) == (invoice.number, "it was slow")
    assert [(line.slice_minutes, line.price_micros) for line in note.content.lines] == [(180, PRICE)]
    assert [(charge.contract_id, charge.day) for charge in note.content.appendix] == [("con", "2026-10-01")]
    assert note.total_cents * 10_000 + note.rounding_micros == 180 * PRICE + 180 * PRICE * 19 // 100
    self_billed, other = papers(closed, "provider")
    assert (other.kind, other.type_code, other.number) == ("self_billed_credit_note", 261, "SCN-2026-000001")
    assert (other.content.seller.company, other.content.corrects and other.content.corrects.number) == (
        "Rechenhof AG",
        self_billed.number,
    )
    assert check(closed) == []


def test_many_credits_make_many_notes_without_a_gap(closed: Connection) -> None:
    for number in range(4):
        take_back(closed, 10, f"c{number}", day=1 + number % 2)
    numbers = sorted(paper.number for paper in papers(closed, "buyer")[1:])
    assert numbers == [f"CN-2026-{n:06d}" for n in (1, 2, 3, 4)]
    assert check(closed) == []


def test_a_bust_after_the_close_credits_each_month_by_one_note(closed: Connection) -> None:
    endings.bust(closed, "con", LATER)
    [_, note] = papers(closed, "buyer")
    assert [(charge.day, charge.billed_minutes) for charge in note.content.appendix] == [
        ("2026-10-01", 1440),
        ("2026-10-02", 560),
    ]
    assert check(closed) == []
    endings.bust(closed, "long", LATER)
    assert len(papers(closed, "buyer")) == 3
    assert check(closed) == []


def test_a_document_is_voided_by_a_credit_note_and_issued_anew(closed: Connection) -> None:
    before = everybody(closed, "buyer", "provider")
    [invoice] = papers(closed, "buyer")
    save(closed, "buyer", replace(AUSTRIAN_BUYER, street="Gasse 4"), LATER)
    made = reissue(closed, invoice.id, "the address was wrong", LATER)
    void, *others = papers(closed, "buyer")
    assert (void.id, void.state) == (invoice.id, "void")
    assert sorted(paper.kind for paper in others) == ["credit_note", "invoice"]
    [anew] = [paper for paper in others if paper.id == made]
    [note] = [paper for paper in others if paper.id != made]
    assert (anew.content.buyer.street, anew.number, anew.state) == ("Gasse 4", "INV-2026-000002", "paid")
    assert (anew.total_cents, anew.content.appendix) == (invoice.total_cents, invoice.content.appendix)
    assert note.total_cents == invoice.total_cents
    assert everybody(closed, "buyer", "provider") == before
    assert check(closed) == []
    with pytest.raises(Conflict):
        reissue(closed, invoice.id, "again", LATER)
    for wrong in (note.id, "doc"):
        with pytest.raises(NotFound):
            reissue(closed, wrong, "no", LATER)
    take_back(closed, 5, "after")
    assert check(closed) == []


def test_buyers_have_paid_from_escrow_and_providers_are_paid_by_the_payout(closed: Connection) -> None:
    assert [paper.state for paper in papers(closed, "buyer")] == ["paid"]
    assert [paper.state for paper in papers(closed, "provider")] == ["finalised"]
    payments.pay_out(closed, "run", "", LATER)
    assert [paper.state for paper in papers(closed, "provider")] == ["paid"]
    assert ledger.balances(closed, "provider")["payable"] < 10_000
    assert check(closed) == []
