"""What the routes of guests have in common: a change of what is wanted, committed, and the guest as it is then; and
questions that only its agent can answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Depends, Path, Query
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from common.errors import InvalidInput, Refused
from common.ids import new_id
from common.price import Price
from common.questions import ConsoleAnswer, GuestAnswer, SnapshotsAnswer
from common.wire import LONGEST_REASON, FieldAnswer
from market.contracts.command_guest import Change, bought_contract, check_main, command_guest, desired_of
from market.contracts.given_volumes import volumes_of
from market.contracts.rescale_contract import Rescaled, rescale_contract
from market.contracts.storage_room import taken_gib
from market.engine.commands import RescaleContract
from market.http.auth import Trading
from market.http.fields import WholeNumber
from market.http.services import Market, Services
from market.nodes.agent_words import plain_answers, plain_text
from market.nodes.ask_agent import ask_agent, await_settled
from market.participants.keys import Caller

ContractId = Annotated[str, Path(min_length=1, max_length=80)]
DeviceName = Annotated[
    str,
    Field(
        max_length=20,
        pattern=r"^[a-z][a-z0-9-]*$",
        description="lower-case letters, digits and dashes, a letter first; the guest knows a volume by it",
        examples=["data"],
    ),
]
NamedDevice = Annotated[str, Path(min_length=1, max_length=80)]
Revision = Annotated[
    int | None,
    Query(ge=1, le=2**31 - 1, description="do it only if the guest is wanted as at this revision; else 409"),
    WholeNumber,
]
Wait = Annotated[
    int,
    Query(ge=0, le=30, description="real seconds to wait for the guest to have done it; it goes on anyway"),
    WholeNumber,
]
Filesystem = Literal["", "ext4"]
Told = TypeVar("Told", ConsoleAnswer, SnapshotsAnswer)


class AnswerModel(BaseModel):
    """What became of a field, or of a device (`volumes.data`), in the guest; those that are not named are in force."""

    field: str
    outcome: Literal["live", "restart", "refused"]
    reason: str = Field(description="why it waits for a restart, or was refused")


class VolumeModel(BaseModel):
    """A data disk of the guest's own."""

    name: str
    size_gib: int
    filesystem: str


class StorageModel(BaseModel):
    """Storage of a guest, GiB: what its slices bought and what volumes give to its snapshots, and what may come to be
    taken of it by its disk, its own volumes and its snapshots, each of which counts as much as the disk."""

    bought_gib: int
    set_aside_gib: int
    taken_gib: int


class GuestModel(BaseModel):
    """What is wanted of a guest, and how far it has got.

    `want`: run, paused, stopped or gone. `state` and `answers` are the newest that its agent told; `settled` says that
    all of `revision` is done that can be, null where the agent was not reached.
    """

    contract: str
    want: Literal["run", "paused", "stopped", "gone"]
    revision: int
    applied_revision: int
    settled: bool | None
    state: str | None
    answers: list[AnswerModel]
    name: str
    image: str
    vcpus: int
    memory_mib: int
    disk_gib: int
    cpu_shares: int
    cpu_percent: int
    ports: list[int]
    adapters: list[str] = Field(description="besides the first")
    volumes: list[VolumeModel]
    attached_volumes: list[str] = Field(description="contracts of volumes that it has, or is to have")
    snapshots: list[str] = Field(description="those that are to be kept")
    storage: StorageModel


@dataclass(frozen=True, slots=True)
class GuestCall:
    """A buyer's call on the guest of a contract of its own; `wait` is how long the answer may take."""

    market: Services
    who: Caller
    contract: str
    wait: int

    async def show(self) -> GuestModel:
        """The guest as it is when `wait` is over at the latest. Raises NotFound for a contract of others."""
        return await guest_model(self.market, await self._row(), self.wait)

    async def ask(self, verb: str, kind: type[Told], lacking: str) -> Told:
        """What its agent answers. Raises Unavailable where it does not, Refused (with `lacking`) where it cannot."""
        row = await self._row()
        told = await ask_agent(self.market.bus, row["node_id"], verb, self.contract, kind)
        if not told.ok:
            reason = plain_text(told.reason, LONGEST_REASON)
            raise Refused("hypervisor_lacks", f"{lacking}: {reason}", field="contract")
        return told

    async def rescale(self, slices: int, price: str | None, *, preview: bool) -> Rescaled:
        """Buy or give back slices, or only tell what that would cost. Raises what `rescale_contract` does."""
        row = await self._row()
        order = new_id("ord", self.market.clock.now_ms())
        limit = None if price is None else Price.parse_hourly(price).micros
        command = RescaleContract(self.contract, self.who.participant, slices, order, limit, preview)
        return await rescale_contract(self.market.engine, row["shard"], command)

    async def _row(self) -> dict[str, Any]:
        def find(connection: Connection) -> dict[str, Any]:
            row = bought_contract(connection, self.who.participant, self.contract)
            check_main(row)
            return _with_volumes(connection, row, self.market.clock.now_micros())

        return await asyncio.to_thread(self.market.read, find)


@dataclass(frozen=True, slots=True)
class GuestChange(GuestCall):
    """A call that changes what is wanted of the guest; if `revision` is given, only where it is wanted as at that."""

    revision: int | None

    async def make(self, change: Change) -> GuestModel:
        """Commit the change, then show the guest. Raises what `command_guest` does."""
        row = await asyncio.to_thread(self.market.write, lambda connection: self._command(connection, change))
        return await guest_model(self.market, row, self.wait)

    async def trade(self, slices: int, price: str | None) -> GuestModel:
        """Buy or give back slices, then show the guest. Raises what `rescale_contract` does."""
        if self.revision is not None:
            message = "slices are named in all, so that this call can be repeated safely"
            raise InvalidInput("invalid_field", message, field="revision", limit="without slices")
        await self.rescale(slices, price, preview=False)
        return await guest_model(self.market, await self._row(), self.wait)

    def _command(self, connection: Connection, change: Change) -> Mapping[Any, Any]:
        now = self.market.clock.now_micros()
        row = command_guest(connection, self.who.participant, self.contract, change, now, revision=self.revision)
        return _with_volumes(connection, row, now)


async def _asking(contract: ContractId, who: Trading, market: Market) -> GuestCall:
    return GuestCall(market, who, contract, wait=0)


async def _showing(contract: ContractId, who: Trading, market: Market, wait: Wait = 0) -> GuestCall:
    return GuestCall(market, who, contract, wait)


async def _changing(
    contract: ContractId, who: Trading, market: Market, revision: Revision = None, wait: Wait = 0
) -> GuestChange:
    return GuestChange(market, who, contract, wait, revision)


Asking = Annotated[GuestCall, Depends(_asking)]
Showing = Annotated[GuestCall, Depends(_showing)]
Changing = Annotated[GuestChange, Depends(_changing)]


async def guest_model(market: Services, row: Mapping[Any, Any], wait: int) -> GuestModel:
    """The guest of a row of `contract` with its `given_volumes`, and with what its agent says now."""
    told, settled = await told_of(market, row, wait)
    given = row["given_volumes"]
    desired = desired_of(row, given)
    return GuestModel(
        contract=row["id"],
        want=row["want"],
        revision=row["revision"],
        applied_revision=row["applied_revision"],
        settled=settled,
        state=row["guest_state"] if told is None else told.state,
        answers=[AnswerModel(**asdict(answer)) for answer in newest_answers(row, told)],
        adapters=list(desired.extras.adapters),
        volumes=[VolumeModel(**asdict(disk)) for disk in desired.extras.volumes],
        attached_volumes=[volume.contract for volume in given if not volume.set_aside],
        snapshots=list(desired.extras.snapshots),
        storage=StorageModel(
            bought_gib=desired.sold.disk_gib,
            set_aside_gib=desired.aside_gib,
            taken_gib=taken_gib(desired.guest, desired.extras),
        ),
        ports=list(desired.guest.ports),
        **{name: getattr(desired.guest, name) for name in _SIMPLE},
    )


def _with_volumes(connection: Connection, row: Mapping[Any, Any], at_micros: int) -> dict[Any, Any]:
    return {**row, "given_volumes": volumes_of(connection, row, at_micros)}


_SIMPLE = ("name", "image", "vcpus", "memory_mib", "disk_gib", "cpu_shares", "cpu_percent")


async def told_of(market: Services, row: Mapping[Any, Any], wait: int) -> tuple[GuestAnswer | None, bool | None]:
    """What the agent of a row of `contract` says of it, and whether all of its revision is done; None twice where it
    does not say."""
    told = await await_settled(market.bus, row["node_id"], row["id"], row["revision"], market.clock.real, wait)
    if told is None or not told.ok:
        return None, None
    return told, told.settled and told.revision >= row["revision"]


def newest_answers(row: Mapping[Any, Any], told: GuestAnswer | None) -> tuple[FieldAnswer, ...]:
    """What became of each field, as the agent says now, or said last."""
    if told is None:
        return tuple(FieldAnswer(**answer) for answer in row["answers"])
    return plain_answers(told.answers)
