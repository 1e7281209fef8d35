"""What a guest has besides its size: network adapters, data disks of its own, and snapshots of its disk."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from pydantic import BaseModel, Field

from common.errors import Refused
from common.minutes import instant_text
from common.questions import SnapshotsAnswer
from common.wire import LONGEST_REASON, DataDisk
from market.contracts import change_guest as changes
from market.contracts.command_guest import bought_contract
from market.http.auth import Trading
from market.http.fields import Request
from market.http.guest_commands import (
    ContractId,
    DeviceName,
    Filesystem,
    GuestModel,
    NamedDevice,
    Revision,
    Wait,
    change_guest,
)
from market.http.problems import documented
from market.http.services import Market
from market.http.strict_route import StrictRoute
from market.nodes.agent_words import plain_instant, plain_text
from market.nodes.ask_agent import ask_agent

router = APIRouter(route_class=StrictRoute, prefix="/v1/contracts/{contract}", tags=["guests"])

_REFUSALS = documented(401, 403, 404, 409, 422)
_SIZE = Field(ge=1, le=100_000_000)


class AdapterRequest(Request):
    """One more network adapter, under a name of yours."""

    name: DeviceName


class VolumeRequest(Request):
    """A data disk out of what the slices bought: the guest's disk and its volumes together have no more than that."""

    name: DeviceName
    size_gib: int = _SIZE
    filesystem: Filesystem = Field(default="", description="what it is formatted with when it is made; empty: nothing")


class GrowRequest(Request):
    """A volume's new size, which is not smaller."""

    size_gib: int = _SIZE


class SnapshotRequest(Request):
    """A snapshot of the guest's own disk, without its volumes and its memory."""

    name: DeviceName


class SnapshotModel(BaseModel):
    """A snapshot that the node holds; `taken_at` by the node's real clock."""

    name: str
    taken_at: str


class SnapshotList(BaseModel):
    """All snapshots of a guest, oldest first."""

    items: list[SnapshotModel]


@router.post("/adapters", status_code=201, responses=_REFUSALS)
async def attach_adapter(
    contract: ContractId,
    body: AdapterRequest,
    who: Trading,
    market: Market,
    revision: Revision = None,
    wait: Wait = 0,
) -> GuestModel:
    """Attach a network adapter, while the guest runs."""
    return await change_guest(market, who, contract, changes.attach_adapter(body.name), revision, wait)


@router.delete("/adapters/{name}", responses=_REFUSALS)
async def detach_adapter(
    contract: ContractId, name: NamedDevice, who: Trading, market: Market, revision: Revision = None, wait: Wait = 0
) -> GuestModel:
    """Detach a network adapter; the first one stays."""
    return await change_guest(market, who, contract, changes.detach_adapter(name), revision, wait)


@router.post("/volumes", status_code=201, responses=_REFUSALS)
async def add_volume(
    contract: ContractId,
    body: VolumeRequest,
    who: Trading,
    market: Market,
    revision: Revision = None,
    wait: Wait = 0,
) -> GuestModel:
    """Make a data disk, format it if asked to, and attach it."""
    disk = DataDisk(body.name, body.size_gib, body.filesystem)
    return await change_guest(market, who, contract, changes.add_volume(disk), revision, wait)


@router.patch("/volumes/{name}", responses=_REFUSALS)
async def grow_volume(
    contract: ContractId,
    name: NamedDevice,
    body: GrowRequest,
    who: Trading,
    market: Market,
    revision: Revision = None,
    wait: Wait = 0,
) -> GuestModel:
    """Grow a data disk; the filesystem in it is the guest's to grow."""
    return await change_guest(market, who, contract, changes.grow_volume(name, body.size_gib), revision, wait)


@router.delete("/volumes/{name}", responses=_REFUSALS)
async def remove_volume(
    contract: ContractId, name: NamedDevice, who: Trading, market: Market, revision: Revision = None, wait: Wait = 0
) -> GuestModel:
    """Detach a data disk and delete it with all that was written to it."""
    return await change_guest(market, who, contract, changes.remove_volume(name), revision, wait)


@router.get("/snapshots", responses=documented(401, 403, 404, 422, 503))
async def snapshots(contract: ContractId, who: Trading, market: Market) -> SnapshotList:
    """The snapshots that the node holds."""
    node = await asyncio.to_thread(
        market.read, lambda connection: bought_contract(connection, who.participant, contract)["node_id"]
    )
    told = await ask_agent(market.bus, node, "snapshots", contract, SnapshotsAnswer)
    if not told.ok:
        raise Refused(
            "hypervisor_lacks", f"there are no snapshots: {plain_text(told.reason, LONGEST_REASON)}", field="contract"
        )
    kept = told.snapshots[: changes.MOST_SNAPSHOTS]
    return SnapshotList(
        items=[
            SnapshotModel(name=plain_text(each.name, 80), taken_at=instant_text(plain_instant(each.at_ms)))
            for each in kept
        ]
    )


@router.post("/snapshots", status_code=201, responses=_REFUSALS)
async def take_snapshot(
    contract: ContractId,
    body: SnapshotRequest,
    who: Trading,
    market: Market,
    revision: Revision = None,
    wait: Wait = 0,
) -> GuestModel:
    """Keep the state of the guest's disk, while it runs; what the guest has not written yet is not in it."""
    return await change_guest(market, who, contract, changes.take_snapshot(body.name), revision, wait)


@router.delete("/snapshots/{name}", responses=_REFUSALS)
async def drop_snapshot(
    contract: ContractId, name: NamedDevice, who: Trading, market: Market, revision: Revision = None, wait: Wait = 0
) -> GuestModel:
    """Forget a snapshot."""
    return await change_guest(market, who, contract, changes.drop_snapshot(name), revision, wait)


@router.post("/snapshots/{name}/revert", responses=_REFUSALS)
async def revert(
    contract: ContractId, name: NamedDevice, who: Trading, market: Market, revision: Revision = None, wait: Wait = 0
) -> GuestModel:
    """Take the disk back to the snapshot: a guest that runs is restarted for it, each time that this is called."""
    return await change_guest(market, who, contract, changes.revert(name), revision, wait)
