"""What the routes of guests have in common: a change of what is wanted, committed, and the guest as it is then."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import BaseModel, Field

from common.questions import GuestAnswer
from common.wire import FieldAnswer
from market.contracts.command_guest import Change, command_guest, desired_of
from market.http.fields import WholeNumber
from market.http.services import Services
from market.nodes.agent_words import plain_answers
from market.nodes.ask_agent import await_settled
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


async def change_guest(
    market: Services, who: Caller, contract_id: str, change: Change, revision: int | None, wait: int
) -> GuestModel:
    """Commit the change; then the guest, as it is when `wait` is over at the latest. Raises what `command_guest`
    does."""
    row = await asyncio.to_thread(
        market.write,
        lambda connection: command_guest(
            connection, who.participant, contract_id, change, market.clock.now_micros(), revision=revision
        ),
    )
    return await guest_model(market, row, wait)


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
