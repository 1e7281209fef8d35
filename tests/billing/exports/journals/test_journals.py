"""The whole ledger as journals: both programs take them, and one micro-unit off is found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from billing import ledger
from billing.chart import MARKET_KINDS, PARTICIPANT_KINDS
from billing.exports.journals import beancount_pieces, hledger_pieces
from billing.exports.journals.chart import journal_account
from billing.transfers import Entry, Transfer, account
from tests.billing.busy_month import CLOSED_AT, close_busy_month
from tests.billing.exports.journals.programs import beancount_complaint, hledger_complaint

Pieces = Callable[[Connection, str], Iterator[bytes]]
Complaint = Callable[[Path], str]
PROGRAMS = [
    pytest.param(hledger_pieces, hledger_complaint, id="hledger"),
    pytest.param(beancount_pieces, beancount_complaint, id="beancount"),
]


@pytest.fixture
def month(books: Connection) -> Connection:
    close_busy_month(books)
    moves = (Entry(account("buyer", "cash"), -1, 'a "quoted" \\ thing'), Entry(account("market", "bank"), 1))
    ledger.post(books, [Transfer('odd:"key"', "withdrawal", CLOSED_AT + 1, moves)])
    return books


@pytest.mark.parametrize(("pieces", "complaint"), PROGRAMS)
def test_the_program_takes_the_ledger_and_finds_one_micro_unit(
    month: Connection, tmp_path: Path, pieces: Pieces, complaint: Complaint
) -> None:
    journal = tmp_path / "journal"
    written = b"".join(pieces(month, "EUR"))
    assert written == b"".join(pieces(month, "EUR"))
    journal.write_bytes(written)
    assert complaint(journal) == ""

    amounts = list(re.finditer(rb"  -?\d+\.\d{6}(?= (?:~ 0 )?EUR)", written))
    assert len(amounts) > 60
    for amount in (amounts[3], amounts[-1]):
        digit = amount.end() - 1
        other = b"1" if written[digit : digit + 1] != b"1" else b"2"
        journal.write_bytes(written[:digit] + other + written[digit + 1 :])
        assert complaint(journal) != ""


@pytest.mark.parametrize(("pieces", "complaint"), PROGRAMS)
def test_the_program_finds_a_transfer_that_is_missing(
    month: Connection, tmp_path: Path, pieces: Pieces, complaint: Complaint
) -> None:
    paragraphs = b"".join(pieces(month, "EUR")).split(b"\n\n")
    chosen = next(index for index, one in enumerate(paragraphs) if b"deposit" in one and index > 1)
    (tmp_path / "journal").write_bytes(b"\n\n".join(paragraphs[:chosen] + paragraphs[chosen + 1 :]) + b"\n")
    assert complaint(tmp_path / "journal") != ""


def test_the_bank_is_an_asset_and_participants_are_owed(month: Connection) -> None:
    written = b"".join(hledger_pieces(month, "EUR")).decode()
    deposit = next(one for one in written.split("\n\n") if "deposit" in one)
    assert re.search(r"Assets:Bank  1000\.000000 EUR", deposit)
    assert re.search(r"Liabilities:P-[a-z]+:Cash  -1000\.000000 EUR", deposit)


@given(st.sets(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=8)))
def test_no_two_accounts_have_the_same_name(owners: set[str]) -> None:
    ids = [account(owner, kind) for owner in owners - {"market"} for kind in PARTICIPANT_KINDS]
    ids += [account("market", kind) for kind in MARKET_KINDS]
    names = [journal_account(one) for one in ids]
    assert len(set(names)) == len(ids)
    assert all(re.fullmatch(r"[A-Z][A-Za-z]+(:[A-Z][A-Za-z0-9-]*)+", name) for name in names)
