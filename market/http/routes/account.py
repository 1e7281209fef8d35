"""Your money: balances now and then, entries, statements, and the operator's deposits."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from billing import ledger, statements
from billing.deposits import deposit
from billing.statements import Span, StatementEntry
from billing.transfers import MARKET
from common.errors import InvalidInput, NotFound
from common.minutes import MICROS_PER_MINUTE, instant_text, minute_start, parse_minute
from common.money import Money
from market.http.auth import Finance, Operating, require
from market.http.cursors import pair_cursor
from market.http.fields import After, AmountText, InstantText, KeyText, Limit, MoneyText, Page, Request, next_cursor
from market.http.problems import documented
from market.http.services import Market, Reader
from market.http.strict_route import StrictRoute
from market.participants.keys import Caller

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["money"])

Instant = Annotated[str, Query(max_length=40, description="RFC 3339, a whole UTC minute of market time")]
Owner = Annotated[str | None, Query(max_length=80, description=f"operators: a participant, or {MARKET}; else you")]


class AccountModel(BaseModel):
    """Where your money stands. available = cash - reserved."""

    participant: str
    currency: str
    cash: MoneyText
    reserved: MoneyText = Field(description="bound by open orders")
    available: MoneyText = Field(description="what new orders can bind")
    escrow: MoneyText = Field(description="paid for contracts that are still to be delivered, VAT included")
    bond: MoneyText = Field(description="your own security for contracts that you are still to deliver")
    earned: MoneyText = Field(description="delivered by you in open periods")
    payable: MoneyText = Field(description="invoiced, waiting for its payout")


class EntryModel(BaseModel):
    """A posting on one of your accounts."""

    id: str
    account: str
    amount: MoneyText
    kind: str
    reference: str | None = Field(description="the contract or document that it is for")
    at: str = Field(description="market time")


class StatementModel(BaseModel):
    """What a span of market time did to your accounts: opening + entries = closing, account by account."""

    participant: str
    currency: str
    start: InstantText
    end: InstantText = Field(description="the first minute that is no longer part of it")
    opening: dict[str, MoneyText]
    items: list[EntryModel]
    next: str | None = Field(description="the cursor of the following part of the entries")
    closing: dict[str, MoneyText]


class BalancesModel(BaseModel):
    """Balances by kind of account, as they were at the beginning of a minute."""

    participant: str
    currency: str
    at: InstantText
    balances: dict[str, MoneyText]


class DepositRequest(Request):
    """Money that has arrived at the market's bank for a participant."""

    participant: str = Field(max_length=80)
    amount: AmountText
    key: KeyText = Field(description="the bank's own reference: the same one again is booked once")


@router.get("/account", responses=documented(401, 403))
def account(who: Finance, connection: Reader, market: Market) -> AccountModel:
    """Your balances."""
    return account_model(connection, who.participant, market.currency)


@router.get("/account/entries", responses=documented(401, 403, 422))
def entries(who: Finance, connection: Reader, after: After = "", limit: Limit = 100) -> Page[EntryModel]:
    """Every posting on your accounts, oldest first."""
    rows = statements.entries(connection, who.participant, pair_cursor(after), limit)
    items = [_entry(row) for row in rows]
    return Page(items=items, next=next_cursor([item.id for item in items], limit))


@router.get("/account/statement", responses=documented(401, 403, 404, 422))
def statement(
    who: Finance,
    connection: Reader,
    market: Market,
    start: Instant,
    end: Instant,
    after: After = "",
    limit: Limit = 100,
    participant: Owner = None,
) -> StatementModel:
    """A statement of account: opening balances, every posting in [start, end), closing balances."""
    owner = _owner(who, participant)
    span = Span(_micros(start, "start"), _micros(end, "end"))
    items = [_entry(row) for row in statements.entries(connection, owner, pair_cursor(after), limit, span)]
    return StatementModel(
        participant=owner,
        currency=market.currency,
        start=start,
        end=end,
        opening=_balances(connection, owner, span.from_micros),
        items=items,
        next=next_cursor([item.id for item in items], limit),
        closing=_balances(connection, owner, max(span.from_micros, span.until_micros)),
    )


@router.get("/account/balances", responses=documented(401, 403, 404, 422))
def balances(who: Finance, connection: Reader, market: Market, at: Instant, participant: Owner = None) -> BalancesModel:
    """Your balances as of any past moment."""
    owner = _owner(who, participant)
    held = _balances(connection, owner, _micros(at, "at"))
    return BalancesModel(participant=owner, currency=market.currency, at=at, balances=held)


@router.post("/deposits", status_code=201, responses=documented(401, 403, 404, 409, 422))
def book_deposit(body: DepositRequest, who: Operating, market: Market) -> AccountModel:
    """Credit a participant's cash. The answer shows its account afterwards."""
    amount = Money.parse(body.amount)
    if amount.micros <= 0:
        raise InvalidInput("invalid_field", "the amount must be above zero", field="amount", limit="above 0")

    def credit(connection: Connection) -> AccountModel:
        deposit(connection, body.participant, amount.micros, body.key, market.clock.now_micros())
        return account_model(connection, body.participant, market.currency)

    return market.write(credit)


def _owner(who: Caller, asked: str | None) -> str:
    """Whose accounts are meant; those of others, and of the market, are the operator's to see."""
    if asked is not None and asked != who.participant:
        require(who, "operate")
    return asked or who.participant


def _micros(instant: str, field: str) -> int:
    return parse_minute(instant, field=field) * MICROS_PER_MINUTE


def _balances(connection: Connection, owner: str, before_micros: int) -> dict[str, str]:
    held = statements.balances_at(connection, owner, before_micros)
    if not held:
        raise NotFound("not_found", f"there are no accounts of {owner}", field="participant")
    return {kind: str(Money(micros)) for kind, micros in sorted(held.items())}


def _entry(row: StatementEntry) -> EntryModel:
    return EntryModel(
        id=f"{row.transfer_id}.{row.ordinal}",
        account=row.account.partition("/")[2],
        amount=str(Money(row.amount_micros)),
        kind=row.transfer_kind,
        reference=row.reference,
        at=instant_text(minute_start(row.at_micros // MICROS_PER_MINUTE)),
    )


def account_model(connection: Connection, participant: str, currency: str) -> AccountModel:
    """The participant's balances now."""
    cash = ledger.cash(connection, [participant])[participant]
    balances = ledger.balances(connection, participant)
    return AccountModel(
        participant=participant,
        currency=currency,
        reserved=str(Money(cash.reserved_micros)),
        available=str(Money(cash.available_micros)),
        **{kind: str(Money(balances[kind])) for kind in ("cash", "escrow", "bond", "earned", "payable")},
    )
