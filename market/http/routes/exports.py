"""Exports: costs and usage, minutes, statements, the general ledger and its payouts, streamed as they are read.

Nothing has been sent while an export can still be refused; if the database fails later, the answer breaks off, which a
client sees, as the answer has no length and its last piece is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import Connection

from billing.exports.as_text import csv_pieces, json_pieces
from billing.exports.dataset import Dataset
from billing.exports.focus.datasets import dataset
from billing.exports.focus.parquet import parquet_pieces
from billing.exports.journals import beancount_pieces, hledger_pieces
from billing.exports.paid_out import paid_out
from billing.exports.payouts import render_payouts
from billing.exports.snapshot import snapshot
from billing.exports.statements import statement
from billing.exports.usage import usage
from market.http.auth import Finance, Operating
from market.http.fields import KeyText
from market.http.problems import documented
from market.http.services import Market, Services
from market.http.strict_route import StrictRoute
from market.http.whose import AnyMonth, Everybody, month_asked_for, owner_asked_for

router = APIRouter(route_class=StrictRoute, prefix="/v1/exports", tags=["exports"])

_MEDIA_TYPES = {
    "csv": "text/csv",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
    "hledger": "text/plain",
    "beancount": "text/plain",
    "xml": "application/xml",
}
_PIECES = {"csv": csv_pieces, "json": json_pieces}

Month = Annotated[str, Query(max_length=7, description="YYYY-MM, UTC", examples=["2026-10"])]


def _answers(*formats: str) -> dict[int | str, dict[str, object]]:
    content: dict[str, object] = {_MEDIA_TYPES[name]: {} for name in formats}
    return {**documented(401, 403, 422), 200: {"description": "the export", "content": content}}


@router.get("/focus", response_model=None, responses=_answers("csv", "parquet"))
def focus(
    who: Finance,
    market: Market,
    version: Literal["1.2", "1.4"] = "1.2",
    dataset_name: Annotated[
        Literal["cost-and-usage", "invoice-detail", "billing-period"],
        Query(alias="dataset", description="the last two are of version 1.4"),
    ] = "cost-and-usage",
    form: Annotated[Literal["csv", "parquet"], Query(alias="format")] = "csv",
    month: AnyMonth = None,
    everybody: Everybody = False,
) -> Response:
    """What you bought, and what was bought of you, by contract and day, as FOCUS has it."""
    owner = owner_asked_for(who, everybody=everybody)
    of_month = month_asked_for(month)

    def pieces(connection: Connection) -> Iterator[bytes]:
        made = dataset(connection, version, dataset_name, owner, of_month)
        return parquet_pieces(made) if form == "parquet" else csv_pieces(made.header, made.rows)

    return _streamed(market, pieces, form, f"focus-{version}-{dataset_name}.{form}")


@router.get("/usage", response_model=None, responses=_answers("csv", "json"))
def usage_minutes(
    who: Finance,
    market: Market,
    month: Month,
    form: Annotated[Literal["csv", "json"], Query(alias="format")] = "csv",
) -> Response:
    """Every minute of the month that counts, of contracts that you bought or sold."""
    return _listed(market, lambda connection: usage(connection, who.participant, month), form, f"usage-{month}.{form}")


@router.get("/statement", response_model=None, responses=_answers("csv", "json"))
def account_statement(
    who: Finance,
    market: Market,
    month: Month,
    form: Annotated[Literal["csv", "json"], Query(alias="format")] = "csv",
) -> Response:
    """Your accounts in the month: what they held before, every posting, and what they held after."""
    name = f"statement-{month}.{form}"
    return _listed(market, lambda connection: statement(connection, who.participant, month), form, name)


@router.get("/journal", response_model=None, responses=_answers("hledger", "beancount"))
def journal(
    who: Operating,
    market: Market,
    form: Annotated[Literal["hledger", "beancount"], Query(alias="format")] = "hledger",
) -> Response:
    """The whole ledger, for hledger or beancount."""
    write = hledger_pieces if form == "hledger" else beancount_pieces
    return _streamed(market, lambda connection: write(connection, market.currency), form, f"ledger.{form}")


@router.get("/payouts", response_model=None, responses=_answers("xml"))
def payouts(
    who: Operating,
    market: Market,
    key: Annotated[KeyText, Query(description="of the run: POST /v1/payouts books it")],
) -> Response:
    """A run of payouts that is booked, as a SEPA credit transfer (pain.001.001.09) for the bank."""

    def pieces(connection: Connection) -> Iterator[bytes]:
        payer, made, at_micros = paid_out(connection, key)
        return iter([render_payouts(payer, made, market.currency, at_micros)])

    return _streamed(market, pieces, "xml", "payouts.pain.001.xml")


def _listed(
    market: Services, made: Callable[[Connection], Dataset], form: Literal["csv", "json"], name: str
) -> Response:
    def pieces(connection: Connection) -> Iterator[bytes]:
        one = made(connection)
        return _PIECES[form](one.header, one.rows)

    return _streamed(market, pieces, form, name)


def _streamed(market: Services, pieces: Callable[[Connection], Iterator[bytes]], form: str, name: str) -> Response:
    def read() -> Iterator[bytes]:
        with snapshot(market.database) as connection:
            yield from pieces(connection)

    body = read()
    first = next(body, b"")  # what is refused is refused here, as a problem
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(chain([first], body), media_type=_MEDIA_TYPES[form], headers=headers)
