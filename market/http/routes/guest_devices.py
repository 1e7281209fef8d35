"""What a guest has besides its size: network adapters, data disks of its own, and snapshots of its disk."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from common.minutes import instant_text
from common.questions import SnapshotsAnswer
from common.wire import DataDisk
from market.contracts import change_guest as changes
from market.http.fields import Request
from market.http.guest_commands import (
    Asking,
    Changing,
    DeviceName,
    Filesystem,
    GuestModel,
    NamedDevice,
)
from market.http.problems import documented
from market.http.strict_route import StrictRoute
from market.nodes.agent_words import plain_instant, plain_text

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
async def attach_adapter(call: Changing, body: AdapterRequest) -> GuestModel:
    """Attach a network adapter, while the guest runs."""
    return await call.make(changes.attach_adapter(body.name))


@router.delete("/adapters/{name}", responses=_REFUSALS)
async def detach_adapter(call: Changing, name: NamedDevice) -> GuestModel:
    """Detach a network adapter; the first one stays."""
    return await call.make(changes.detach_adapter(name))


@router.post("/volumes", status_code=201, responses=_REFUSALS)
async def add_volume(call: Changing, body: VolumeRequest) -> GuestModel:
    """Make a data disk, format it if asked to, and attach it."""
    disk = DataDisk(body.name, body.size_gib, body.filesystem)
    return await call.make(changes.add_volume(disk))


@router.patch("/volumes/{name}", responses=_REFUSALS)
async def grow_volume(call: Changing, name: NamedDevice, body: GrowRequest) -> GuestModel:
    """Grow a data disk; the filesystem in it is the guest's to grow."""
    return await call.make(changes.grow_volume(name, body.size_gib))


@router.delete("/volumes/{name}", responses=_REFUSALS)
async def remove_volume(call: Changing, name: NamedDevice) -> GuestModel:
    """Detach a data disk and delete it with all that was written to it."""
    return await call.make(changes.remove_volume(name))


@router.get("/snapshots", responses=documented(401, 403, 404, 422, 503))
async def snapshots(call: Asking) -> SnapshotList:
    """The snapshots that the node holds."""
    told = await call.ask("snapshots", SnapshotsAnswer, "there are no snapshots")
    kept = told.snapshots[: changes.MOST_SNAPSHOTS]
    return SnapshotList(
        items=[
            SnapshotModel(name=plain_text(each.name, 80), taken_at=instant_text(plain_instant(each.at_ms)))
            for each in kept
        ]
    )


@router.post("/snapshots", status_code=201, responses=_REFUSALS)
async def take_snapshot(call: Changing, body: SnapshotRequest) -> GuestModel:
    """Keep the state of the guest's disk, while it runs; what the guest has not written yet is not in it."""
    return await call.make(changes.take_snapshot(body.name))


@router.delete("/snapshots/{name}", responses=_REFUSALS)
async def drop_snapshot(call: Changing, name: NamedDevice) -> GuestModel:
    """Forget a snapshot."""
    return await call.make(changes.drop_snapshot(name))


@router.post("/snapshots/{name}/revert", responses=_REFUSALS)
async def revert(call: Changing, name: NamedDevice) -> GuestModel:
    """Take the disk back to the snapshot: a guest that runs is restarted for it, each time that this is called."""
    return await call.make(changes.revert(name))
