"""What a lineage looks like over HTTP: line, day, minutes, reports, contract, trade, order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from common.minutes import MICROS_PER_MINUTE, minute_text
from common.money import Money
from common.price import Price
from market.http.fields import HourlyText, InstantText, MoneyText


class BilledDayModel(BaseModel):
    """A frozen day of the contract. `item` release is the fee for the minutes that were released on it."""

    day: str
    item: str
    period: str
    minutes: int
    gross: MoneyText
    fee: MoneyText
    buyer_vat: MoneyText
    provider_net: MoneyText
    provider_vat: MoneyText


class ReportedMinute(BaseModel):
    """A minute that counts, with the report that brought it: the node's, under its number in a life of the agent's
    file."""

    minute: InstantText
    seconds: int
    node: str
    life: int
    sequence: int
    epoch: int


class DeliveryModel(BaseModel):
    """In minutes from `start` to before `end`, reports name this contract: its guest delivered the other one too."""

    contract: str
    start: InstantText
    end: InstantText


class TransferModel(BaseModel):
    """Your own entry of a ledger transfer that was for the contract."""

    transfer: int
    kind: str
    account: str
    amount: MoneyText
    at: InstantText


class DocumentRef(BaseModel):
    """A document of yours that bills or corrects it."""

    id: str
    number: str
    kind: str


class TradeModel(BaseModel):
    """The trade that made the contract: its place in its zone's journal."""

    zone: str
    sequence: int
    ordinal: int
    taker_side: str
    price: HourlyText
    guests: int
    at: InstantText


class OrderModel(BaseModel):
    """Your order in that trade."""

    id: str
    side: str
    client_order_id: str | None
    limit_price: HourlyText
    state: str
    entered: InstantText


class ResaleModel(BaseModel):
    """A contract of a chain of resales: the rest of `resold_from` from its start on, as far as it came."""

    contract: str
    resold_from: str | None
    start: InstantText
    end: InstantText
    state: str
    price: HourlyText | None = Field(description="where you are a party to it")


class LineageModel(BaseModel):
    """Everything that a contract's money follows from."""

    contract: str
    instrument: str
    node: str
    start: InstantText
    end: InstantText
    slices: int
    price: HourlyText
    replaces: str | None = Field(description="buyer: your contract that failed, for whose rest this one was bought")
    replaced_by: str | None = Field(description="buyer: the contract that was bought for the rest of this one")
    billed_minutes: int
    credited_minutes: int
    days: list[BilledDayModel]
    minutes: list[ReportedMinute]
    next: str | None = Field(description="the cursor of the following minutes")
    delivered_by: list[DeliveryModel] = Field(
        description="contracts by whose guests it was delivered, after a resale or to make a guest larger"
    )
    transfers: list[TransferModel]
    documents: list[DocumentRef]
    trade: TradeModel
    order: OrderModel
    resales: list[ResaleModel] = Field(description="all that resales link with it, it included, the oldest first")


class LineLineageModel(BaseModel):
    """The contract days that a document's line sums up."""

    items: list[LineageModel]
    total: int = Field(description="how many contract days the line has")
    next: str | None


def lineage_model(found: Mapping[str, Any], limit: int) -> LineageModel:
    """What `market.contracts.lineage` found; a full page of `limit` minutes has a next one."""
    contract, trade, order = found["contract"], found["trade"], found["order"]
    minutes = [_minute(row) for row in found["minutes"]]
    return LineageModel(
        contract=contract["contract_id"],
        instrument=contract["instrument"],
        node=contract["node_id"],
        start=minute_text(contract["start_minute"]),
        end=minute_text(contract["end_minute"]),
        slices=contract["slices"],
        price=Price(contract["price_micros"]).hourly(),
        **found["links"],
        billed_minutes=contract["billed_minutes"],
        credited_minutes=contract["credited_minutes"],
        days=[_day(row) for row in found["days"]],
        minutes=minutes,
        next=str(found["minutes"][-1]["minute"]) if minutes and len(minutes) == limit else None,
        delivered_by=[_delivery(row) for row in found["delivered_by"]],
        transfers=[_transfer(row) for row in found["transfers"]],
        documents=[DocumentRef(**row) for row in found["documents"]],
        trade=TradeModel(
            zone=trade["shard"],
            sequence=trade["sequence"],
            ordinal=trade["ordinal"],
            taker_side=trade["taker_side"],
            price=Price(trade["price_micros"]).hourly(),
            guests=trade["guests"],
            at=minute_text(trade["at_micros"] // MICROS_PER_MINUTE),
        ),
        order=OrderModel(
            id=order["id"],
            side=order["side"],
            client_order_id=order["client_order_id"],
            limit_price=Price(order["price_micros"]).hourly(),
            state=order["state"],
            entered=minute_text(order["entered_at_micros"] // MICROS_PER_MINUTE),
        ),
        resales=[_resale(row) for row in found["resales"]],
    )


def _resale(row: Mapping[str, Any]) -> ResaleModel:
    return ResaleModel(
        contract=row["id"],
        resold_from=row["resold_from"],
        start=minute_text(row["start_minute"]),
        end=minute_text(row["end_minute"]),
        state=row["state"],
        price=None if row["price_micros"] is None else Price(row["price_micros"]).hourly(),
    )


def _day(row: Mapping[str, Any]) -> BilledDayModel:
    amounts = {
        name: str(Money(row[f"{name}_micros"]))
        for name in ("gross", "fee", "buyer_vat", "provider_net", "provider_vat")
    }
    return BilledDayModel(
        day=row["day"].isoformat(), item=row["item"], period=row["month"], minutes=row["billed_minutes"], **amounts
    )


def _minute(row: Mapping[str, Any]) -> ReportedMinute:
    return ReportedMinute(
        minute=minute_text(row["minute"]),
        seconds=row["seconds"],
        node=row["node_id"],
        life=row["life"],
        sequence=row["sequence"],
        epoch=row["epoch"],
    )


def _delivery(row: Mapping[str, Any]) -> DeliveryModel:
    return DeliveryModel(
        contract=row["by_contract_id"], start=minute_text(row["from_minute"]), end=minute_text(row["until_minute"])
    )


def _transfer(row: Mapping[str, Any]) -> TransferModel:
    return TransferModel(
        transfer=row["id"],
        kind=row["kind"],
        account=row["account_id"].partition("/")[2],
        amount=str(Money(row["amount_micros"])),
        at=minute_text(row["at_micros"] // MICROS_PER_MINUTE),
    )
