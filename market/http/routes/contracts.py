"""Contracts and their use."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from sqlalchemy import Connection, RowMapping

from billing import metering
from billing.endings import Outcome
from common.minutes import minute_text
from common.money import Money
from common.price import Price
from common.wire import Kind
from market.contracts.end_contract import end_contract
from market.contracts.read_contracts import get_contract, list_contracts
from market.engine.commands import EndContract
from market.http.auth import Operating, Providing, Reading, Trading
from market.http.cursors import id_cursor, number_cursor
from market.http.fields import After, HourlyText, InstantText, Limit, MoneyText, Name, Page, Request, next_cursor
from market.http.problems import documented
from market.http.services import Market, Reader, Services
from market.http.strict_route import StrictRoute
from market.participants.keys import Caller

router = APIRouter(route_class=StrictRoute, prefix="/v1/contracts", tags=["contracts"])

ContractState = Literal[
    "scheduled",
    "provisioning",
    "running",
    "stopped",
    "resold",
    "completed",
    "released",
    "reclaimed",
    "failed",
    "busted",
]
ContractId = Annotated[str, Path(min_length=1, max_length=80)]


class EndpointModel(BaseModel):
    """Where a service of the guest can be reached."""

    service: str
    address: str
    port: int


class ContractModel(BaseModel):
    """One guest, or one volume, on one node for one window at one price."""

    id: str
    kind: Kind = Field(description="what it is for")
    role: str = Field(description="buyer or provider: which side of it you are")
    instrument: str
    node: str
    start: InstantText
    end: InstantText = Field(description="the first minute that is no longer part of it")
    ended: InstantText | None = Field(
        description="where it ended early, or its guest did because it was resold: the first minute not covered"
    )
    slices: int
    price: HourlyText
    value: MoneyText = Field(description="price of the whole window, without VAT")
    state: ContractState
    reason: str | None
    replaces: str | None = Field(description="buyer: your contract that failed, for whose rest this one was bought")
    replaced_by: str | None = Field(description="buyer: the contract that was bought for the rest of this one")
    not_replaced: str | None = Field(
        description="buyer: why nothing was bought for the rest, though the bid asked for it: `nothing_fits`, the"
        " reason of the order, or the code of the rule that refused it"
    )
    grows: str | None = Field(description="buyer: your contract whose guest it made larger, and which delivers it")
    resold_to: str | None = Field(description="the contract that has its rest now: its buyer has sold it on")
    resold_from: str | None = Field(description="the contract whose rest it is: its seller had bought that one")
    guest_name: str = Field(description="or that of the volume")
    guest_state: str | None = Field(description="as the agent reported it last")
    attached_to: str | None = Field(description="of a volume: the contract of the guest that is to have it")
    endpoints: list[EndpointModel]


class EndedContract(BaseModel):
    """A contract that ends early, and what became of the money at once; the rest follows with the minutes used."""

    contract: ContractModel
    fee: MoneyText = Field(description="release fee that the buyer paid, with VAT")
    refund: MoneyText = Field(description="escrow that went back to the buyer")
    compensation: MoneyText = Field(description="what the buyer got of the provider's bond")


class EndingPreview(BaseModel):
    """What ending a contract now would do with the money at once. Nothing has been ended."""

    ended: InstantText = Field(description="the first minute that it would not cover")
    fee: MoneyText = Field(description="release fee that the buyer would pay, with VAT")
    refund: MoneyText = Field(description="escrow that would go back to the buyer")
    compensation: MoneyText = Field(description="what the buyer would get of the provider's bond")


class BustRequest(Request):
    """Why a trade is cancelled."""

    reason: Name


class UsageMinute(BaseModel):
    """The seconds (0 to 60) for which the guest was delivered in a minute."""

    minute: InstantText
    seconds: int


@router.get("", responses=documented(401, 403, 422))
def contracts(
    who: Reading,
    connection: Reader,
    after: After = "",
    limit: Limit = 100,
    state: ContractState | None = None,
    kind: Kind | None = None,
) -> Page[ContractModel]:
    """Contracts that you bought or sold, oldest first."""
    rows = list_contracts(connection, who.participant, id_cursor(after, "con"), limit, state=state, kind=kind)
    items = [contract_model(row, who.participant) for row in rows]
    return Page(items=items, next=next_cursor([item.id for item in items], limit))


@router.get("/{contract}", responses=documented(401, 403, 404, 422))
def contract(contract: ContractId, who: Reading, connection: Reader) -> ContractModel:
    """One contract."""
    return contract_model(get_contract(connection, who.participant, contract), who.participant)


@router.get("/{contract}/usage", responses=documented(401, 403, 404, 422))
def usage(
    contract: ContractId, who: Reading, connection: Reader, after: After = "", limit: Limit = 100
) -> Page[UsageMinute]:
    """The metered minutes of a contract."""
    get_contract(connection, who.participant, contract)
    rows = metering.minutes(connection, contract, number_cursor(after), limit)
    items = [UsageMinute(minute=minute_text(minute), seconds=seconds) for minute, seconds in rows]
    return Page(items=items, next=next_cursor([str(minute) for minute, _ in rows], limit))


@router.post("/{contract}/release", responses=documented(401, 403, 404, 409, 422, 503))
async def release(contract: ContractId, who: Trading, market: Market) -> EndedContract:
    """End a contract that you bought, from the next minute on. You pay the minutes used and the instrument's release
    rate of the price of the rest; the rest is yours again at once. Free of charge once the provider is late. Who sold
    you the rest of a contract of its own has that again."""
    return await _end(market, who, EndContract(contract, "release", who.participant))


@router.post("/{contract}/reclaim", responses=documented(401, 403, 404, 409, 422, 503))
async def reclaim(contract: ContractId, who: Providing, market: Market) -> EndedContract:
    """Take back a spot contract that you sold, after two minutes' notice. Its buyer gets the instrument's break rate of
    the rest, at your ask's price, out of your bond."""
    return await _end(market, who, EndContract(contract, "reclaim", who.participant))


@router.post("/{contract}/release/preview", responses=documented(401, 403, 404, 409, 422, 503))
async def preview_release(contract: ContractId, who: Trading, market: Market) -> EndingPreview:
    """What a release would cost now. What would be refused is refused here with the same problem."""
    return await _preview(market, EndContract(contract, "release", who.participant, preview=True))


@router.post("/{contract}/reclaim/preview", responses=documented(401, 403, 404, 409, 422, 503))
async def preview_reclaim(contract: ContractId, who: Providing, market: Market) -> EndingPreview:
    """What a reclaim would cost now. What would be refused is refused here with the same problem."""
    return await _preview(market, EndContract(contract, "reclaim", who.participant, preview=True))


@router.post("/{contract}/bust", responses=documented(401, 403, 404, 409, 422, 503))
async def bust(contract: ContractId, body: BustRequest, who: Operating, market: Market) -> EndedContract:
    """Cancel a contract's trade: everything that was paid for it goes back, in new transfers. For operators."""
    return await _end(market, who, EndContract(contract, "bust", reason=body.reason))


async def _end(market: Services, who: Caller, command: EndContract) -> EndedContract:
    row = await _find(market, command)
    money = await end_contract(market.engine, row["shard"], command)
    ended = await _find(market, command)
    return EndedContract(contract=contract_model(ended, who.participant), **_amounts(money))


async def _preview(market: Services, command: EndContract) -> EndingPreview:
    row = await _find(market, command)
    money = await end_contract(market.engine, row["shard"], command)
    return EndingPreview(ended=minute_text(money.minute), **_amounts(money))


async def _find(market: Services, command: EndContract) -> RowMapping:
    def find(connection: Connection) -> RowMapping:
        return get_contract(connection, command.participant, command.contract)

    return await asyncio.to_thread(market.read, find)


def _amounts(money: Outcome) -> dict[str, str]:
    return {
        "fee": str(Money(money.fee_micros)),
        "refund": str(Money(money.refund_micros)),
        "compensation": str(Money(money.compensation_micros)),
    }


_OF_BUYER = ("replaces", "replaced_by", "not_replaced", "grows")
"""Columns that are no business of the provider's."""


def contract_model(row: Mapping[Any, Any], participant: str) -> ContractModel:
    """A row of `contract` as this party to it sees it."""
    slice_minutes = row["slices"] * (row["end_minute"] - row["start_minute"])
    price = Price(row["price_micros"])
    return ContractModel(
        id=row["id"],
        kind=row["kind"],
        role="buyer" if row["buyer_id"] == participant else "provider",
        instrument=row["instrument"],
        node=row["node_id"],
        start=minute_text(row["start_minute"]),
        end=minute_text(row["end_minute"]),
        ended=None if row["ended_minute"] is None else minute_text(row["ended_minute"]),
        slices=row["slices"],
        price=price.hourly(),
        value=str(Money(price.amount(slice_minutes))),
        state=row["state"],
        reason=row["reason"],
        **{name: row[name] if row["buyer_id"] == participant else None for name in _OF_BUYER},
        resold_to=row["resold_to"],
        resold_from=row["resold_from"],
        guest_name=row["guest"]["name"],
        guest_state=row["guest_state"],
        attached_to=row["extras"].get("attached_to") or None,
        endpoints=[EndpointModel(**endpoint) for endpoint in row["endpoints"]],
    )
