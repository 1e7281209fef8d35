"""Disputed minutes, credits after a close, and records that do not count."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from billing import credits as billing_credits
from billing import disputes as billing_disputes
from billing import refused as billing_refused
from billing.credits import CreditRequest
from billing.disputes import Dispute
from common.errors import NotFound
from common.minutes import Window, minute_text, parse_minute
from common.money import Money
from market.contracts.read_contracts import get_contract
from market.http.auth import Finance, Operating, Paying
from market.http.cursors import id_cursor, refused_cursor, refused_cursor_text
from market.http.fields import After, InstantText, KeyText, Limit, MoneyText, Name, Page, Request, next_cursor
from market.http.problems import documented
from market.http.services import Market, Reader
from market.http.strict_route import StrictRoute

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["money"])

DisputeState = Literal["open", "upheld", "rejected"]


class DisputeRequest(Request):
    """Minutes of a contract that you bought, [start, end), which you say were not delivered as reported."""

    contract: str = Field(max_length=80)
    start: InstantText
    end: InstantText
    reason: Name


class DecisionRequest(Request):
    """rejected: the minutes count as they were reported; upheld: they never do."""

    decision: Literal["upheld", "rejected"]
    note: Name


class MinuteRequest(Request):
    """What counts of a minute whose records conflict."""

    contract: str = Field(max_length=80)
    minute: InstantText
    seconds: int = Field(ge=0, le=60)
    note: Name


class CreditBody(Request):
    """Billed minutes of a contract's UTC day that are to be taken back after the close."""

    contract: str = Field(max_length=80)
    day: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$", examples=["2026-11-30"])
    minutes: int = Field(ge=1, le=1440)
    key: KeyText
    reason: Name


class DisputeModel(BaseModel):
    """A dispute. Its money stays in escrow while it is open."""

    id: str
    contract: str
    start: InstantText
    end: InstantText
    opened_by: str
    reason: str
    state: DisputeState
    note: str | None


class CreditModel(BaseModel):
    """A credit: what the buyer got back is gross and VAT."""

    id: str
    contract: str
    day: str
    minutes: int
    gross: MoneyText
    vat: MoneyText


class RefusedModel(BaseModel):
    """A usage record that does not count."""

    node: str
    life: int
    sequence: int
    contract: str
    minute: InstantText
    seconds: int
    reason: str


@router.post("/disputes", status_code=201, responses=documented(401, 403, 404, 409, 422))
def open_dispute(body: DisputeRequest, who: Paying, market: Market) -> DisputeModel:
    """Dispute minutes of a contract that you bought, until their month is closed."""
    window = Window(parse_minute(body.start, field="start"), parse_minute(body.end, field="end"))

    def work(connection: Connection) -> Dispute:
        if get_contract(connection, who.participant, body.contract)["buyer_id"] != who.participant:
            raise NotFound("not_found", f"you did not buy contract {body.contract}", field="contract")
        return billing_disputes.dispute(connection, body.contract, window, body.reason, market.clock.now_micros())

    return _model(market.write(work))


@router.get("/contracts/{contract}/disputes", responses=documented(401, 403, 404, 422))
def of_contract(
    contract: Annotated[str, Path(min_length=1, max_length=80)],
    who: Finance,
    connection: Reader,
    after: After = "",
    limit: Limit = 100,
) -> Page[DisputeModel]:
    """The disputes of one of your contracts."""
    get_contract(connection, who.participant, contract)
    items = [
        _model(row) for row in billing_disputes.disputes(connection, id_cursor(after, "dsp"), limit, contract=contract)
    ]
    return Page(items=items, next=next_cursor([item.id for item in items], limit))


@router.get("/disputes", responses=documented(401, 403, 422))
def all_disputes(
    who: Operating, connection: Reader, after: After = "", limit: Limit = 100, state: DisputeState | None = None
) -> Page[DisputeModel]:
    """All disputes, oldest first."""
    items = [_model(row) for row in billing_disputes.disputes(connection, id_cursor(after, "dsp"), limit, state=state)]
    return Page(items=items, next=next_cursor([item.id for item in items], limit))


@router.post("/disputes/minute", status_code=201, responses=documented(401, 403, 404, 409, 422))
def decide_minute(body: MinuteRequest, who: Operating, market: Market) -> DisputeModel:
    """Decide what counts of a minute whose records conflict."""
    minute = parse_minute(body.minute, field="minute")
    decided = market.write(
        lambda connection: billing_disputes.decide_minute(
            connection, body.contract, minute, body.seconds, body.note, market.clock.now_micros()
        )
    )
    return _model(decided)


@router.post("/disputes/{dispute}/decision", responses=documented(401, 403, 404, 409, 422))
def decide(
    dispute: Annotated[str, Path(min_length=1, max_length=80)], body: DecisionRequest, who: Operating, market: Market
) -> DisputeModel:
    """Decide a dispute."""
    decided = market.write(
        lambda connection: billing_disputes.decide(
            connection, dispute, body.decision, body.note, market.clock.now_micros()
        )
    )
    return _model(decided)


@router.post("/credits", status_code=201, responses=documented(401, 403, 404, 409, 422))
def credit(body: CreditBody, who: Operating, market: Market) -> CreditModel:
    """Take billed minutes back after the close: the buyer gets its money, and both sides a credit note."""
    asked = CreditRequest(body.contract, _day(body.day), body.minutes, body.key, body.reason)
    made = market.write(lambda connection: billing_credits.credit(connection, asked, market.clock.now_micros()))
    return CreditModel(
        id=made.id,
        contract=made.contract_id,
        day=made.day.isoformat(),
        minutes=made.minutes,
        gross=str(Money(made.gross_micros)),
        vat=str(Money(made.buyer_vat_micros)),
    )


@router.get("/usage/refused", responses=documented(401, 403, 422))
def refused(
    who: Operating,
    connection: Reader,
    after: Annotated[str, Query(max_length=400)] = "",
    limit: Limit = 100,
    contract: Annotated[str | None, Query(max_length=100)] = None,
    reason: Annotated[str | None, Query(max_length=40)] = None,
) -> Page[RefusedModel]:
    """Usage records that do not count, with the reason."""
    rows = billing_refused.refused(connection, refused_cursor(after), limit, contract=contract, reason=reason)
    items = [
        RefusedModel(
            node=row.node_id,
            life=row.life,
            sequence=row.sequence,
            contract=row.contract_id,
            minute=minute_text(row.minute),
            seconds=row.seconds,
            reason=row.reason,
        )
        for row in rows
    ]
    cursors = [refused_cursor_text(billing_refused.place_of(row)) for row in rows]
    return Page(items=items, next=next_cursor(cursors, limit))


def _day(text: str) -> date:
    minute = parse_minute(f"{text}T00:00:00Z", field="day")
    return date.fromisoformat(minute_text(minute)[:10])


def _model(row: Dispute) -> DisputeModel:
    return DisputeModel(
        id=row.id,
        contract=row.contract_id,
        start=minute_text(row.start_minute),
        end=minute_text(row.end_minute),
        opened_by=row.opened_by,
        reason=row.reason,
        state=row.state,
        note=row.note,
    )
