"""What a buyer asks of its guest, or of its volume: a change of the contract's desired state, under the next revision,
sent to its agent.

Nothing is fired and forgotten: the whole desired state goes out with the outbox, and again for as long as the agent
does not hold it. Asking twice for the same changes nothing the second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from common import codec
from common.errors import Conflict, Refused
from common.minutes import MICROS_PER_MINUTE
from common.wire import Extras, GuestSpec, Kind, Want
from market.contract_states import CONTRACT_STATES
from market.contracts.given_volumes import GivenVolume, volumes_of
from market.contracts.read_contracts import get_contract
from market.contracts.storage_room import without_lost
from market.desired_state import allocation_message, spec_of
from market.grown import bought_spec
from market.tables import contract
from runtime import outbox


@dataclass(frozen=True, slots=True)
class Desired:
    """What is wanted of a guest, or of a volume. `sold` is what its slices bought, which nothing it is changed to may
    exceed, but for the storage that its buyer has set aside for its snapshots (`aside_gib`); `guest_state` is what the
    agent told last."""

    want: Want
    guest: GuestSpec
    extras: Extras
    sold: GuestSpec
    guest_state: str | None
    aside_gib: int = 0


Change = Callable[[Desired], Desired]
"""The wanted after the wanted before. Raises where what was asked for is not possible."""


def command_guest(
    connection: Connection,
    participant: str,
    contract_id: str,
    change: Change,
    at_micros: int,
    *,
    revision: int | None = None,
    kind: Kind = "guest",
) -> Mapping[Any, Any]:
    """The row of the contract, which is for something of the `kind`, after the change.

    Raises NotFound; Refused (`not_your_side`) for its provider, (`wrong_kind`) for another kind; Conflict
    (`state_forbids`) when it is over, and (`revision_mismatch`) unless it still is at `revision`, where one is given;
    and what `change` raises.
    """
    connection.execute(select(contract.c.id).where(contract.c.id == contract_id).with_for_update())
    row = bought_contract(connection, participant, contract_id, kind)
    end = row["ended_minute"] or row["end_minute"]
    if CONTRACT_STATES.is_terminal(row["state"]) or at_micros >= end * MICROS_PER_MINUTE:
        raise Conflict("state_forbids", f"the contract {contract_id} is over", field="contract")
    if revision not in (None, row["revision"]):
        message = f"the {kind} is at revision {row['revision']}, not {revision}"
        raise Conflict("revision_mismatch", message, field="revision", limit=row["revision"])
    check_main(row)
    before = desired_of(row, volumes_of(connection, row, at_micros), bought_spec(connection, row))
    after = change(before)
    if after == before:
        return row
    changes = {
        "want": after.want,
        "rescaled": None if after.guest == desired_of(row).sold else codec.to_json(after.guest),
        "extras": codec.to_json(after.extras),
        "revision": row["revision"] + 1,
        "updated_at_micros": at_micros,
    }
    connection.execute(contract.update().where(contract.c.id == contract_id).values(**changes))
    changed = {**row, **changes}
    outbox.put(connection, [allocation_message(changed)])
    return changed


def bought_contract(connection: Connection, participant: str, contract_id: str, kind: Kind = "guest") -> RowMapping:
    """A contract that the participant bought. Raises NotFound, and Refused (`not_your_side`) for its provider,
    (`wrong_kind`) for a contract of another kind."""
    row = get_contract(connection, participant, contract_id)
    if row["buyer_id"] != participant:
        raise Refused(
            "not_your_side", "only the buyer of a contract commands its guest, or sees inside it", field="contract"
        )
    if row["kind"] != kind:
        message = f"the contract {contract_id} is for a {row['kind']}, this is about a {kind}"
        raise Refused("wrong_kind", message, field="contract", limit=kind)
    return row


def check_main(row: Mapping[Any, Any]) -> None:
    """Raises Conflict for a contract without a guest of its own."""
    if row["grows"] is not None:
        message = f"it is delivered by the guest of contract {row['grows']}: name that one"
        raise Conflict("state_forbids", message, field="contract", limit=row["grows"])


def desired_of(row: Mapping[Any, Any], given: Iterable[GivenVolume] = (), bought: GuestSpec | None = None) -> Desired:
    """What a row of `contract` wants, whose guest is `given` these volumes, and whose slices `bought` this where they
    are not its own alone: snapshots that have lost their room are not wanted any more."""
    guest, sold = spec_of(row), bought or codec.from_json(GuestSpec, row["guest"])
    aside = sum(volume.size_gib for volume in given if volume.set_aside)
    extras = without_lost(guest, codec.from_json(Extras, row["extras"]), sold.disk_gib + aside)
    return Desired(row["want"], guest, extras, sold, row["guest_state"], aside)


def start(now: Desired) -> Desired:
    """Up: from stopped, from paused, or from off from within."""
    if now.want == "run" and now.guest_state not in ("stopped", "stopping"):
        return now
    return replace(now, want="run", extras=replace(now.extras, starts=now.extras.starts + 1))


def stop(now: Desired) -> Desired:
    """Off, and delivered as long as its buyer wants it so."""
    return replace(now, want="stopped")


def pause(now: Desired) -> Desired:
    """Standing still. Raises Conflict for one that is wanted off."""
    _check_on(now, "a guest that is stopped cannot be paused: start it")
    return replace(now, want="paused")


def resume(now: Desired) -> Desired:
    """Going on. Raises Conflict for one that is wanted off."""
    _check_on(now, "a guest that is stopped is started, not resumed")
    return replace(now, want="run")


def restart(now: Desired) -> Desired:
    """Off and on again, every time that it is asked for. Raises Conflict unless it is wanted up."""
    if now.want != "run":
        raise Conflict("state_forbids", f"a guest that is wanted {now.want} cannot be restarted", field="want")
    return replace(now, extras=replace(now.extras, restarts=now.extras.restarts + 1))


def _check_on(now: Desired, sentence: str) -> None:
    if now.want == "stopped":
        raise Conflict("state_forbids", sentence, field="want")
