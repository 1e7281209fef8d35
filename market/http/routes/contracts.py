"""Contracts and their use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from billing import metering
from common.minutes import minute_text
from common.money import Money
from common.price import Price
from market.contracts.read_contracts import get_contract, list_contracts
from market.http.auth import Reading
from market.http.cursors import id_cursor, number_cursor
from market.http.fields import After, HourlyText, InstantText, Limit, MoneyText, Page, next_cursor
from market.http.problems import documented
from market.http.services import Reader
from market.http.strict_route import StrictRoute

router = APIRouter(route_class=StrictRoute, prefix="/v1/contracts", tags=["contracts"])

ContractState = Literal[
    "scheduled", "provisioning", "running", "stopped", "completed", "released", "reclaimed", "failed", "busted"
]
ContractId = Annotated[str, Path(min_length=1, max_length=80)]


class EndpointModel(BaseModel):
    """Where a service of the guest can be reached."""

    service: str
    address: str
    port: int


class ContractModel(BaseModel):
    """One guest on one node for one window at one price."""

    id: str
    role: str = Field(description="buyer or provider: which side of it you are")
    instrument: str
    node: str
    start: InstantText
    end: InstantText = Field(description="the first minute that is no longer part of it")
    slices: int
    price: HourlyText
    value: MoneyText = Field(description="price of the whole window, without VAT")
    state: ContractState
    reason: str | None
    guest_name: str
    guest_state: str | None = Field(description="as the agent reported it last")
    endpoints: list[EndpointModel]


class UsageMinute(BaseModel):
    """The seconds (0 to 60) for which the guest was delivered in a minute."""

    minute: InstantText
    seconds: int


@router.get("", responses=documented(401, 403, 422))
def contracts(
    who: Reading, connection: Reader, after: After = "", limit: Limit = 100, state: ContractState | None = None
) -> Page[ContractModel]:
    """Contracts that you bought or sold, oldest first."""
    rows = list_contracts(connection, who.participant, id_cursor(after, "con"), limit, state=state)
    items = [_model(row, who.participant) for row in rows]
    return Page(items=items, next=next_cursor([item.id for item in items], limit))


@router.get("/{contract}", responses=documented(401, 403, 404, 422))
def contract(contract: ContractId, who: Reading, connection: Reader) -> ContractModel:
    """One contract."""
    return _model(get_contract(connection, who.participant, contract), who.participant)


@router.get("/{contract}/usage", responses=documented(401, 403, 404, 422))
def usage(
    contract: ContractId, who: Reading, connection: Reader, after: After = "", limit: Limit = 100
) -> Page[UsageMinute]:
    """The metered minutes of a contract."""
    get_contract(connection, who.participant, contract)
    rows = metering.minutes(connection, contract, number_cursor(after), limit)
    items = [UsageMinute(minute=minute_text(minute), seconds=seconds) for minute, seconds in rows]
    return Page(items=items, next=next_cursor([str(minute) for minute, _ in rows], limit))


def _model(row: Mapping[Any, Any], participant: str) -> ContractModel:
    slice_minutes = row["slices"] * (row["end_minute"] - row["start_minute"])
    price = Price(row["price_micros"])
    return ContractModel(
        id=row["id"],
        role="buyer" if row["buyer_id"] == participant else "provider",
        instrument=row["instrument"],
        node=row["node_id"],
        start=minute_text(row["start_minute"]),
        end=minute_text(row["end_minute"]),
        slices=row["slices"],
        price=price.hourly(),
        value=str(Money(price.amount(slice_minutes))),
        state=row["state"],
        reason=row["reason"],
        guest_name=row["guest"]["name"],
        guest_state=row["guest_state"],
        endpoints=[EndpointModel(**endpoint) for endpoint in row["endpoints"]],
    )
