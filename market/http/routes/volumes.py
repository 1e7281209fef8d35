"""Volumes that are contracts of their own: attached to guests of their node, one after the other, and grown."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from market.contracts import command_volume as use
from market.http.fields import KeyText, Request
from market.http.problems import documented
from market.http.strict_route import StrictRoute
from market.http.volume_commands import ChangingVolume, ShowingVolume, VolumeContractModel

router = APIRouter(route_class=StrictRoute, prefix="/v1/contracts/{contract}", tags=["volumes"])

_REFUSALS = documented(401, 403, 404, 409, 422)


class AttachRequest(Request):
    """The guest that is to have the volume."""

    guest: KeyText = Field(description="id of a contract that you bought, on the volume's node")


class ResizeRequest(Request):
    """The volume's new size, up to what was bought; less than it has only before it is made."""

    size_gib: int = Field(ge=1, le=100_000_000)


@router.get("/volume", responses=documented(401, 403, 404, 422))
async def volume(call: ShowingVolume) -> VolumeContractModel:
    """What is wanted of the volume, and how far it has got."""
    return await call.show()


@router.post("/attach", responses=_REFUSALS)
async def attach(call: ChangingVolume, body: AttachRequest) -> VolumeContractModel:
    """Give the volume to a guest as a data disk, while it runs. At the end of the guest it is free again, with what was
    written to it; at its own end it is taken from the guest, and deleted."""
    return await call.make(lambda connection, volume: use.attach(connection, volume, body.guest))


@router.post("/set-aside", responses=_REFUSALS)
async def set_aside(call: ChangingVolume, body: AttachRequest) -> VolumeContractModel:
    """Give the volume's room to the snapshots of a guest. What was written to it is deleted. When the volume's contract
    ends, snapshots that have no room any more are dropped, oldest first."""
    return await call.make(lambda connection, volume: use.attach(connection, volume, body.guest, set_aside=True))


@router.post("/detach", responses=_REFUSALS)
async def detach(call: ChangingVolume) -> VolumeContractModel:
    """Take the volume from its guest, once that has written all to it; or back from its snapshots, empty."""
    return await call.make(use.detach)


@router.post("/resize", responses=_REFUSALS)
async def resize(call: ChangingVolume, body: ResizeRequest) -> VolumeContractModel:
    """Grow the volume, attached or not; the filesystem in it is the guest's to grow."""
    return await call.make(lambda connection, volume: use.resize(connection, volume, body.size_gib))
