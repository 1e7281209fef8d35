"""Money that leaves: your withdrawals, and the operator's payouts of what documents made payable."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from billing import payments as billing_payments
from billing.payments import Destination, Payment
from common.minutes import MICROS_PER_MINUTE, instant_text, minute_start
from common.money import MICROS_PER_CENT, Money
from market.http.auth import Finance, Operating, Paying
from market.http.cursors import id_cursor
from market.http.fields import After, AmountText, KeyText, Limit, MoneyText, Name, Page, Request, next_cursor
from market.http.problems import documented
from market.http.services import Market, Reader
from market.http.strict_route import StrictRoute

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["money"])


class WithdrawalRequest(Request):
    """Available cash that is to be paid out to a bank account."""

    amount: AmountText = Field(description="whole cents")
    key: KeyText = Field(description="your own reference: the same one again is booked once")
    iban: str | None = Field(default=None, min_length=5, max_length=42, description="else that of your legal identity")
    holder: Name | None = Field(default=None, description="of the bank account; else your company")


class PayoutRequest(Request):
    """A run that pays everybody what is payable."""

    key: KeyText = Field(description="names the run: the same one again pays only who was left out")


class PaymentModel(BaseModel):
    """A payment from the market's bank account. Its id is the end-to-end id at the bank."""

    id: str
    kind: str = Field(description="withdrawal or payout")
    participant: str
    key: str
    amount: MoneyText
    iban: str
    holder: str
    at: str = Field(description="market time")


class PayoutsModel(BaseModel):
    """What a run of payouts has paid."""

    key: str
    payments: int
    total: MoneyText


@router.post("/withdrawals", status_code=201, responses=documented(401, 403, 404, 409, 422))
def withdraw(body: WithdrawalRequest, who: Paying, market: Market) -> PaymentModel:
    """Pay out some of your available cash. It leaves your account at once."""
    amount = Money.parse(body.amount).micros
    to = Destination(body.iban, body.holder)
    made = market.write(
        lambda connection: billing_payments.withdraw(
            connection, who.participant, amount, body.key, to, market.clock.now_micros()
        )
    )
    return _model(made)


@router.get("/payments", responses=documented(401, 403, 422))
def payments(who: Finance, connection: Reader, after: After = "", limit: Limit = 100) -> Page[PaymentModel]:
    """Payments to you, oldest first."""
    items = [
        _model(made)
        for made in billing_payments.payments_to(connection, who.participant, id_cursor(after, "pay"), limit)
    ]
    return Page(items=items, next=next_cursor([item.id for item in items], limit))


@router.post("/payouts", status_code=201, responses=documented(401, 403, 422))
def pay_out(body: PayoutRequest, who: Operating, market: Market) -> PayoutsModel:
    """Pay every provider with a bank account what is payable, in whole cents. After a crash, ask again."""
    at_micros = market.clock.now_micros()
    count, cents, after = 0, 0, ""
    while chunk := market.write(
        lambda connection: billing_payments.pay_out(connection, body.key, after, at_micros)  # noqa: B023  # called at once
    ):
        count += len(chunk)
        cents += sum(made.amount_cents for made in chunk)
        after = chunk[-1].participant_id
    return PayoutsModel(key=body.key, payments=count, total=str(Money(cents * MICROS_PER_CENT)))


@router.get("/payouts", responses=documented(401, 403, 422))
def payouts(
    who: Operating,
    connection: Reader,
    key: Annotated[str, Query(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9._:/-]+$")],
    after: After = "",
    limit: Limit = 100,
) -> Page[PaymentModel]:
    """The payments of a run."""
    items = [_model(made) for made in billing_payments.payments_of_run(connection, key, id_cursor(after, "pay"), limit)]
    return Page(items=items, next=next_cursor([item.id for item in items], limit))


def _model(made: Payment) -> PaymentModel:
    return PaymentModel(
        id=made.id,
        kind=made.kind,
        participant=made.participant_id,
        key=made.key,
        amount=str(Money(made.amount_cents * MICROS_PER_CENT)),
        iban=made.iban,
        holder=made.holder,
        at=instant_text(minute_start(made.at_micros // MICROS_PER_MINUTE)),
    )
