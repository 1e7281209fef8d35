"""Your money: balances, entries, and the operator's deposits."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from billing import ledger
from billing.deposits import deposit
from common.errors import InvalidInput
from common.minutes import instant_text, minute_start
from common.money import Money
from market.http.auth import Finance, Operating
from market.http.cursors import pair_cursor
from market.http.fields import After, AmountText, Limit, MoneyText, Page, Request, next_cursor
from market.http.problems import documented
from market.http.services import Market, Reader
from market.http.strict_route import StrictRoute

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["money"])


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


class DepositRequest(Request):
    """Money that has arrived at the market's bank for a participant."""

    participant: str = Field(max_length=80)
    amount: AmountText
    key: str = Field(
        min_length=1,
        max_length=120,
        pattern=r"^[A-Za-z0-9._:/-]+$",
        description="the bank's own reference: the same one again is booked once",
    )


@router.get("/account", responses=documented(401, 403))
def account(who: Finance, connection: Reader, market: Market) -> AccountModel:
    """Your balances."""
    return _account(connection, who.participant, market.currency)


@router.get("/account/entries", responses=documented(401, 403, 422))
def entries(who: Finance, connection: Reader, after: After = "", limit: Limit = 100) -> Page[EntryModel]:
    """Every posting on your accounts, oldest first."""
    rows = ledger.statement(connection, who.participant, pair_cursor(after), limit)
    items = [
        EntryModel(
            id=f"{row.transfer_id}.{row.ordinal}",
            account=row.account.partition("/")[2],
            amount=str(Money(row.amount_micros)),
            kind=row.transfer_kind,
            reference=row.reference,
            at=instant_text(minute_start(row.at_micros // 60_000_000)),
        )
        for row in rows
    ]
    return Page(items=items, next=next_cursor([item.id for item in items], limit))


@router.post("/deposits", status_code=201, responses=documented(401, 403, 404, 409, 422))
def book_deposit(body: DepositRequest, who: Operating, market: Market) -> AccountModel:
    """Credit a participant's cash. The answer shows its account afterwards."""
    amount = Money.parse(body.amount)
    if amount.micros <= 0:
        raise InvalidInput("invalid_field", "the amount must be above zero", field="amount", limit="above 0")

    def credit(connection: Connection) -> AccountModel:
        deposit(connection, body.participant, amount.micros, body.key, market.clock.now_micros())
        return _account(connection, body.participant, market.currency)

    return market.write(credit)


def _account(connection: Connection, participant: str, currency: str) -> AccountModel:
    cash = ledger.cash(connection, [participant])[participant]
    balances = ledger.balances(connection, participant)
    return AccountModel(
        participant=participant,
        currency=currency,
        reserved=str(Money(cash.reserved_micros)),
        available=str(Money(cash.available_micros)),
        **{kind: str(Money(balances[kind])) for kind in ("cash", "escrow", "bond", "earned", "payable")},
    )
