"""What the routes of volumes have in common: a change of what is wanted, committed, and the volume as it is then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from market.contracts.command_guest import bought_contract, desired_of
from market.contracts.command_volume import VolumeCall
from market.http.auth import Trading
from market.http.guest_commands import AnswerModel, ContractId, Revision, Wait, newest_answers, told_of
from market.http.services import Market, Services
from market.participants.keys import Caller

VolumeUse = Callable[[Connection, VolumeCall], Mapping[Any, Any]]


class VolumeContractModel(BaseModel):
    """A volume that is a contract of its own: what is wanted of it, and how far it has got.

    `state` and `answers` are the newest that its agent told; `settled` says that all of `revision` is done that can be,
    null where the agent was not reached.
    """

    contract: str
    node: str = Field(description="guests of this node can have it")
    name: str = Field(description="by which a guest knows it: /dev/disk/by-id/virtio-<name>")
    filesystem: str = Field(description="what it is formatted with when it is made")
    size_gib: int
    bought_gib: int = Field(description="the most that it can be")
    attached_to: str | None = Field(description="the contract of the guest that has it, or that is to have it")
    set_aside: bool = Field(description="its room is for that guest's snapshots: it holds nothing, and is no disk")
    revision: int
    applied_revision: int
    settled: bool | None
    state: str | None
    answers: list[AnswerModel]


@dataclass(frozen=True, slots=True)
class VolumeCommand:
    """A buyer's call on a volume that it bought; `wait` is how long the answer may take."""

    market: Services
    who: Caller
    contract: str
    wait: int
    revision: int | None = None

    async def show(self) -> VolumeContractModel:
        """The volume as it is when `wait` is over at the latest. Raises NotFound, and Refused (`wrong_kind`)."""

        def find(connection: Connection) -> dict[str, Any]:
            return dict(bought_contract(connection, self.who.participant, self.contract, "volume"))

        return await _model(self.market, await asyncio.to_thread(self.market.read, find), self.wait)

    async def make(self, use: VolumeUse) -> VolumeContractModel:
        """Commit the change, then show the volume. Raises what `use` does."""
        call = VolumeCall(self.who.participant, self.contract, self.market.clock.now_micros(), self.revision)
        row = await asyncio.to_thread(self.market.write, lambda connection: use(connection, call))
        return await _model(self.market, row, self.wait)


async def _showing(contract: ContractId, who: Trading, market: Market, wait: Wait = 0) -> VolumeCommand:
    return VolumeCommand(market, who, contract, wait)


async def _changing(
    contract: ContractId, who: Trading, market: Market, revision: Revision = None, wait: Wait = 0
) -> VolumeCommand:
    return VolumeCommand(market, who, contract, wait, revision)


ShowingVolume = Annotated[VolumeCommand, Depends(_showing)]
ChangingVolume = Annotated[VolumeCommand, Depends(_changing)]


async def _model(market: Services, row: Mapping[Any, Any], wait: int) -> VolumeContractModel:
    told, settled = await told_of(market, row, wait)
    desired = desired_of(row)
    return VolumeContractModel(
        contract=row["id"],
        node=row["node_id"],
        name=desired.guest.name,
        filesystem=desired.guest.filesystem,
        size_gib=desired.guest.disk_gib,
        bought_gib=desired.sold.disk_gib,
        attached_to=desired.extras.attached_to or None,
        set_aside=desired.extras.set_aside,
        revision=row["revision"],
        applied_revision=row["applied_revision"],
        settled=settled,
        state=row["guest_state"] if told is None else told.state,
        answers=[AnswerModel(**asdict(answer)) for answer in newest_answers(row, told)],
    )
