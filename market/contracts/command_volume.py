"""What a buyer asks of its volume: attached to a guest of the same node, set aside for its snapshots, another size.

A volume outlives the guests that have it: at a guest's end it is free, with what was written to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, select

from common.errors import Conflict, NotFound, Refused
from common.minutes import MICROS_PER_MINUTE
from market.contract_states import CONTRACT_STATES
from market.contracts.change_guest import MOST_VOLUMES
from market.contracts.command_guest import Change, Desired, bought_contract, command_guest, desired_of
from market.contracts.given_volumes import volumes_of
from market.contracts.storage_room import taken_gib
from market.tables import contract


@dataclass(frozen=True, slots=True)
class VolumeCall:
    """Who asks, of which volume, when; if `revision` is given, only where the volume is wanted as at that."""

    participant: str
    volume: str
    at_micros: int
    revision: int | None = None


def attach(connection: Connection, call: VolumeCall, guest: str, *, set_aside: bool = False) -> Mapping[Any, Any]:
    """The volume's row, once it is wanted at the guest: as a disk, or `set_aside` for its snapshots, which deletes what
    was written to it.

    Raises what `command_guest` does; NotFound for a guest that is not the caller's, Refused (`another_node`,
    `wrong_kind`, `too_many_devices`), Conflict where the guest is over, where another one has the volume
    (`state_forbids`), or where the guest knows another volume by its name (`already_exists`).
    """
    _lock(connection, call.volume, guest)
    volume = bought_contract(connection, call.participant, call.volume, "volume")
    row = _guest(connection, call, guest)

    def change(now: Desired) -> Desired:
        if (now.extras.attached_to, now.extras.set_aside) == (guest, set_aside):
            return now
        _check_free(connection, call, now)
        _check_same_node(volume["node_id"], row)
        if not set_aside:
            _check_devices(connection, call, row, now.guest.name)
        return replace(now, extras=replace(now.extras, attached_to=guest, set_aside=set_aside))

    return _command(connection, call, change)


def detach(connection: Connection, call: VolumeCall) -> Mapping[Any, Any]:
    """The volume's row, once it is wanted at no guest; one that was set aside is made anew, empty.

    Raises what `command_guest` does, and Conflict (`state_forbids`) while snapshots need the room.
    """
    query = select(contract.c.extras["attached_to"].astext).where(contract.c.id == call.volume)
    _lock(connection, call.volume, connection.execute(query).scalar_one_or_none() or "")

    def change(now: Desired) -> Desired:
        if now.extras.set_aside:
            _check_unused(connection, call, now)
        return replace(now, extras=replace(now.extras, attached_to="", set_aside=False))

    return _command(connection, call, change)


def resize(connection: Connection, call: VolumeCall, size_gib: int) -> Mapping[Any, Any]:
    """The volume's row, once it is wanted so large; it grows while a guest has it.

    Raises what `command_guest` does; Refused (`beyond_the_slices`) for more than was bought, Conflict (`state_forbids`)
    for less than it has, once it is there.
    """

    def change(now: Desired) -> Desired:
        bought = now.sold.disk_gib
        if size_gib > bought:
            message = (
                f"the contract bought {bought} GiB; for more, buy another volume on the same node, and attach both"
            )
            raise Refused("beyond_the_slices", message, field="size_gib", limit=bought)
        if size_gib < now.guest.disk_gib and now.guest_state is not None and now.guest_state != "accepted":
            message = f"the volume has {now.guest.disk_gib} GiB, and cannot shrink once it is there"
            raise Conflict("state_forbids", message, field="size_gib", limit=now.guest.disk_gib)
        return replace(now, guest=replace(now.guest, disk_gib=size_gib))

    return _command(connection, call, change)


def _command(connection: Connection, call: VolumeCall, change: Change) -> Mapping[Any, Any]:
    return command_guest(
        connection, call.participant, call.volume, change, call.at_micros, revision=call.revision, kind="volume"
    )


def _lock(connection: Connection, *ids: str) -> None:
    """In id order: what the guest may have depends on the volume, and the other way round."""
    connection.execute(select(contract.c.id).where(contract.c.id.in_(ids)).order_by(contract.c.id).with_for_update())


def _guest(connection: Connection, call: VolumeCall, guest: str) -> Mapping[Any, Any]:
    query = select(contract).where(contract.c.id == guest, contract.c.buyer_id == call.participant)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound("not_found", f"you have bought no contract {guest}", field="guest")
    if row["kind"] != "guest":
        raise Refused("wrong_kind", f"the contract {guest} is for a volume, not for a guest", field="guest")
    if not _is_live(row, call.at_micros):
        raise Conflict("state_forbids", f"the contract {guest} is over", field="guest")
    return row


def _check_free(connection: Connection, call: VolumeCall, now: Desired) -> None:
    holder = connection.execute(select(contract).where(contract.c.id == now.extras.attached_to)).mappings()
    row = holder.one_or_none()
    if row is not None and _is_live(row, call.at_micros):
        raise Conflict("state_forbids", f"the guest of {row['id']} has the volume: detach it first", field="guest")


def _check_same_node(node: str, guest: Mapping[Any, Any]) -> None:
    if node != guest["node_id"]:
        message = (
            f"the volume is on node {node}, the guest on node {guest['node_id']}: a bid that names the node in `nodes`"
            " buys on it"
        )
        raise Refused("another_node", message, field="guest", limit=node)


def _check_devices(connection: Connection, call: VolumeCall, guest: Mapping[Any, Any], name: str) -> None:
    given = [volume for volume in volumes_of(connection, guest, call.at_micros) if not volume.set_aside]
    if len(given) >= MOST_VOLUMES:
        message = f"a guest has {MOST_VOLUMES} of these at most"
        raise Refused("too_many_devices", message, field="guest", limit=MOST_VOLUMES)
    own = [disk.name for disk in desired_of(guest).extras.volumes]
    if name in own or name in [volume.name for volume in given]:
        raise Conflict("already_exists", f"the guest knows another volume as {name}", field="guest")


def _check_unused(connection: Connection, call: VolumeCall, now: Desired) -> None:
    row = connection.execute(select(contract).where(contract.c.id == now.extras.attached_to)).mappings().one_or_none()
    if row is None or not _is_live(row, call.at_micros):
        return
    given = volumes_of(connection, row, call.at_micros)
    others = sum(each.size_gib for each in given if each.set_aside and each.contract != call.volume)
    wanted = desired_of(row, given)
    missing = taken_gib(wanted.guest, wanted.extras) - wanted.sold.disk_gib - others
    if missing > 0:
        message = f"snapshots of the guest of {row['id']} need {missing} GiB of it: drop some first"
        raise Conflict("state_forbids", message, field="contract")


def _is_live(row: Mapping[Any, Any], at_micros: int) -> bool:
    end = row["ended_minute"] or row["end_minute"]
    return not CONTRACT_STATES.is_terminal(row["state"]) and at_micros < end * MICROS_PER_MINUTE
