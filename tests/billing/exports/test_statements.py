"""Statements and usage: balances that go on from line to line, minutes that are those of the invoice."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal

import pytest
from sqlalchemy import Connection

from billing import ledger
from billing.exports.as_text import csv_pieces, json_pieces
from billing.exports.dataset import Dataset
from billing.exports.statements import statement
from billing.exports.usage import usage
from common.errors import InvalidInput
from tests.billing.busy_month import close_busy_month
from tests.billing.factories import MONTH

Rows = list[dict[str, str]]


@pytest.fixture
def month(books: Connection) -> Connection:
    close_busy_month(books)
    return books


def rows(one: Dataset) -> Rows:
    written = b"".join(csv_pieces(one.header, one.rows))
    return list(csv.DictReader(io.StringIO(written.decode(), newline="")))


@pytest.mark.parametrize("participant", ["buyer", "consumer", "provider", "tinkerer"])
def test_a_statement_goes_from_balance_to_balance_to_what_the_ledger_holds(month: Connection, participant: str) -> None:
    held: dict[str, Decimal] = {}
    for row in rows(statement(month, participant, MONTH)) + rows(statement(month, participant, "2026-11")):
        before = held.get(row["account"], Decimal(0))
        held[row["account"]] = Decimal(row["balance"])
        assert before + Decimal(row["amount"]) == held[row["account"]]
    assert {kind: amount.scaleb(6) for kind, amount in held.items()} == ledger.balances(month, participant)


def test_a_statement_begins_with_what_was_held_before_and_ends_with_what_is_held(month: Connection) -> None:
    found = rows(statement(month, "provider", "2026-11"))
    assert [row["kind"] for row in found[:5]] == ["opening"] * 5
    assert [row["kind"] for row in found[-5:]] == ["closing"] * 5
    assert {row["at"] for row in found[:5]} == {"2026-11-01T00:00:00Z"}
    assert {row["at"] for row in found[-5:]} == {"2026-12-01T00:00:00Z"}
    assert "payable" in {row["kind"] for row in found}


def test_usage_is_the_minutes_of_both_sides_and_of_nobody_else(month: Connection) -> None:
    bought, sold = rows(usage(month, "buyer", MONTH)), rows(usage(month, "provider", MONTH))
    assert {row["role"] for row in bought} == {"buyer"}
    assert {row["contract"] for row in bought} == {"con1", "con2"}
    assert {row["contract"] for row in sold} == {"con1", "con3", "con4", "later"}
    assert sum(int(row["seconds"]) for row in bought if row["contract"] == "con1") // 60 == 1_599
    assert len(rows(usage(month, "consumer", "2026-11"))) == 40
    assert rows(usage(month, "nobody", MONTH)) == []


def test_json_has_what_csv_has(month: Connection) -> None:
    for made in (statement, usage):
        one = made(month, "consumer", MONTH)
        assert json.loads(b"".join(json_pieces(one.header, one.rows))) == rows(made(month, "consumer", MONTH))
    nothing = usage(month, "nobody", MONTH)
    assert json.loads(b"".join(json_pieces(nothing.header, nothing.rows))) == []


def test_a_month_that_is_none_is_refused(month: Connection) -> None:
    for made in (statement, usage):
        with pytest.raises(InvalidInput):
            made(month, "buyer", "2026-13")
