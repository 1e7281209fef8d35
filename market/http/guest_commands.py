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

from common.errors import Refused
from common.questions import ConsoleAnswer, GuestAnswer, SnapshotsAnswer
from common.wire import LONGEST_REASON, FieldAnswer
from market.contracts.command_guest import Change, bought_contract, command_guest, desired_of
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
    snapshots: list[str] = Field(description="those that are to be kept")


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

    async def _row(self) -> dict[str, Any]:
        return await asyncio.to_thread(
            self.market.read, lambda connection: dict(bought_contract(connection, self.who.participant, self.contract))
        )


@dataclass(frozen=True, slots=True)
class GuestChange(GuestCall):
    """A call that changes what is wanted of the guest; if `revision` is given, only where it is wanted as at that."""

    revision: int | None

    async def make(self, change: Change) -> GuestModel:
        """Commit the change, then show the guest. Raises what `command_guest` does."""
        row = await asyncio.to_thread(self.market.write, lambda connection: self._command(connection, change))
        return await guest_model(self.market, row, self.wait)

    def _command(self, connection: Connection, change: Change) -> Mapping[Any, Any]:
        now = self.market.clock.now_micros()
        return command_guest(connection, self.who.participant, self.contract, change, now, revision=self.revision)


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
    """The guest of a row of `contract`, with what its agent says now."""
    told = await await_settled(market.bus, row["node_id"], row["id"], row["revision"], market.clock.real, wait)
    if told is not None and not told.ok:
        told = None
    desired = desired_of(row)
    return GuestModel(
        contract=row["id"],
        want=row["want"],
        revision=row["revision"],
        applied_revision=row["applied_revision"],
        settled=None if told is None else told.settled and told.revision >= row["revision"],
        state=row["guest_state"] if told is None else told.state,
        answers=_answers(row, told),
        adapters=list(desired.extras.adapters),
        volumes=[VolumeModel(**asdict(disk)) for disk in desired.extras.volumes],
        snapshots=list(desired.extras.snapshots),
        ports=list(desired.guest.ports),
        **{name: getattr(desired.guest, name) for name in _SIMPLE},
    )


_SIMPLE = ("name", "image", "vcpus", "memory_mib", "disk_gib", "cpu_shares", "cpu_percent")


def _answers(row: Mapping[Any, Any], told: GuestAnswer | None) -> list[AnswerModel]:
    newest = tuple(FieldAnswer(**answer) for answer in row["answers"]) if told is None else plain_answers(told.answers)
    return [AnswerModel(**asdict(answer)) for answer in newest]
