"""Commands of a guest's buyer: where it is to be, what it is to be, and what it says."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from common.errors import InvalidInput
from common.questions import ConsoleAnswer
from market.contracts import change_guest as changes
from market.contracts import command_guest as commands
from market.http.fields import Request, WholeNumber
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

    Each field is answered: `live`, at the next `restart`, or `refused` with its reason.
    """

    vcpus: int | None = Field(default=None, ge=1, le=1024)
    memory_mib: int | None = Field(default=None, ge=64, le=1_000_000_000)
    disk_gib: int | None = Field(
        default=None, ge=1, le=100_000_000, description="grows; smaller before its first start"
    )
    cpu_shares: int | None = Field(default=None, ge=2, le=262_144, description="what a vCPU weighs; 1024 is ordinary")
    cpu_percent: int | None = Field(default=None, ge=1, le=100, description="how much of a CPU each vCPU gets at most")


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


@router.post("/rescale", responses=_REFUSALS)
async def rescale(call: Changing, body: RescaleRequest) -> GuestModel:
    """Change vCPUs, CPU time and weight, memory and disk, while it runs as far as that goes."""
    given = body.model_dump(exclude_none=True)
    _check_given(given, "vcpus, memory_mib, disk_gib, cpu_shares or cpu_percent")
    return await call.make(changes.rescale(**given))


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
