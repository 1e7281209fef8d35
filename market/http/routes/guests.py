"""Commands of a guest's buyer: where it is to be, what it is to be, and what it says."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from common.errors import InvalidInput
from common.money import Money
from common.price import Price
from common.questions import ConsoleAnswer
from market.contracts import change_guest as changes
from market.contracts import command_guest as commands
from market.http.fields import HourlyText, MoneyText, PriceText, Request, WholeNumber
from market.http.guest_commands import Asking, Changing, GuestModel, Showing
from market.http.order_requests import SshKey
from market.http.problems import documented
from market.http.strict_route import StrictRoute
from market.nodes.agent_words import plain_text

router = APIRouter(route_class=StrictRoute, prefix="/v1/contracts/{contract}", tags=["guests"])

_REFUSALS = documented(401, 403, 404, 409, 422)
_PORT = Annotated[int, Field(ge=1, le=65_535)]


class RescaleRequest(Request):
    """The guest's new size, within what the slices bought; what is left out stays.

    Each field is answered: `live`, at the next `restart`, or `refused` with its reason. Or, by itself, `slices`: that
    many in all, bought or given back on the market.
    """

    slices: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="more: bought on the guest's node until its end, all or nothing, as a contract of its own; fewer:"
        " contracts that were bought so are released, newest first",
    )
    price: PriceText | None = Field(
        default=None, description="with more slices: the most you pay, currency per slice-hour, a whole number of ticks"
    )

    vcpus: int | None = Field(default=None, ge=1, le=1024)
    memory_mib: int | None = Field(default=None, ge=64, le=1_000_000_000)
    disk_gib: int | None = Field(
        default=None, ge=1, le=100_000_000, description="grows; smaller before its first start"
    )
    cpu_shares: int | None = Field(default=None, ge=2, le=262_144, description="what a vCPU weighs; 1024 is ordinary")
    cpu_percent: int | None = Field(default=None, ge=1, le=100, description="how much of a CPU each vCPU gets at most")


class RescalePreviewRequest(Request):
    """So many slices in all, and for more the highest price: as `rescale` takes them."""

    slices: int = Field(ge=1, le=1_000_000)
    price: PriceText | None = Field(default=None, description="currency per slice-hour, a whole number of ticks")


class RescalePreview(BaseModel):
    """What buying or giving back slices now would cost. Nothing has been done."""

    price: HourlyText | None = Field(description="of the slices that would be bought; null where none would be")
    escrow: MoneyText = Field(description="what would be put aside for them until the contract's end, with VAT")
    fee: MoneyText = Field(description="release fee of those that would be given back, with VAT")
    refund: MoneyText = Field(description="escrow of those that would come back")


class ConfigureRequest(Request):
    """What the guest reads when it starts; what is left out stays."""

    name: str | None = Field(default=None, max_length=63, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")
    ssh_keys: list[SshKey] | None = Field(default=None, max_length=20)
    user_data: str | None = Field(default=None, max_length=16_384, description="cloud-init user data")
    ports: list[_PORT] | None = Field(
        default=None, max_length=16, description="TCP ports that are to be reached from outside, besides SSH"
    )


class ConsoleModel(BaseModel):
    """The newest part of what the guest wrote to its serial console since it was started."""

    text: str


@router.get("/guest", responses=documented(401, 403, 404, 422))
async def guest(call: Showing) -> GuestModel:
    """What is wanted of the guest, and how far it has got."""
    return await call.show()


@router.post("/start", responses=_REFUSALS)
async def start(call: Changing) -> GuestModel:
    """Bring the guest up: from stopped, from paused, or when it powered itself off. Boot time is not billed."""
    return await call.make(commands.start)


@router.post("/stop", responses=_REFUSALS)
async def stop(call: Changing) -> GuestModel:
    """Ask the guest to power itself off; it is taken down if it does not. It keeps its place, and is billed."""
    return await call.make(commands.stop)


@router.post("/pause", responses=_REFUSALS)
async def pause(call: Changing) -> GuestModel:
    """Let the guest stand still, with its memory. It keeps its place, and is billed."""
    return await call.make(commands.pause)


@router.post("/resume", responses=_REFUSALS)
async def resume(call: Changing) -> GuestModel:
    """Let a paused guest go on."""
    return await call.make(commands.resume)


@router.post("/restart", responses=_REFUSALS)
async def restart(call: Changing) -> GuestModel:
    """Off and on again, each time that this is called: name the `revision` where a call may have to be repeated."""
    return await call.make(commands.restart)


@router.post("/rescale", responses=documented(401, 403, 404, 409, 422, 503))
async def rescale(call: Changing, body: RescaleRequest) -> GuestModel:
    """Change vCPUs, CPU time and weight, memory and disk, while it runs as far as that goes; or buy more slices for it,
    or give some back, in one call."""
    given = body.model_dump(exclude_none=True)
    if body.slices is not None:
        if others := given.keys() - {"slices", "price"}:
            message = "more or fewer slices and another size within them are two calls"
            raise InvalidInput("invalid_field", message, field=min(others), limit="without slices")
        return await call.trade(body.slices, body.price)
    if body.price is not None:
        raise InvalidInput("missing_field", "a price goes with slices", field="slices")
    _check_given(given, "vcpus, memory_mib, disk_gib, cpu_shares, cpu_percent or slices")
    return await call.make(changes.rescale(**given))


@router.post("/rescale/preview", responses=documented(401, 403, 404, 409, 422, 503))
async def preview_rescale(call: Asking, body: RescalePreviewRequest) -> RescalePreview:
    """What more or fewer slices would cost now. What would be refused is refused here with the same problem."""
    told = await call.rescale(body.slices, body.price, preview=True)
    return RescalePreview(
        price=None if told.price_micros is None else Price(told.price_micros).hourly(),
        escrow=str(Money(told.escrow_micros)),
        fee=str(Money(told.fee_micros)),
        refund=str(Money(told.refund_micros)),
    )


@router.post("/configure", responses=_REFUSALS)
async def configure(call: Changing, body: ConfigureRequest) -> GuestModel:
    """Change its name, keys, user data and ports, from its next start on."""
    given = body.model_dump(exclude_none=True)
    _check_given(given, "name, ssh_keys, user_data or ports")
    given |= {name: tuple(given[name]) for name in ("ssh_keys", "ports") if name in given}
    return await call.make(changes.configure(**given))


@router.get("/console", responses=documented(401, 403, 404, 422, 503))
async def console(
    call: Asking,
    characters: Annotated[int, Query(ge=1, le=100_000, description="how much at most"), WholeNumber] = 10_000,
) -> ConsoleModel:
    """The end of what the guest wrote to its serial console."""
    told = await call.ask("console", ConsoleAnswer, "there is no console")
    return ConsoleModel(text=plain_text(told.text[-characters:], characters))


def _check_given(given: dict[str, object], choice: str) -> None:
    if not given:
        raise InvalidInput("missing_field", f"name what is to change: {choice}", field=choice.partition(",")[0])
