"""Whether a node's guests and volumes are what their buyers want of them: in the market's tables, in the agent's memory
and in the hypervisor.

Every check returns the first difference as a sentence, or None.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, select

from common.wire import FieldAnswer
from market.nodes.liveness import live_revisions
from market.tables import contract
from provisioner.guest import GuestRecord
from tests.simulation.hypervisor import WatchedDriver

SIZES = ("vcpus", "memory_mib", "disk_gib")
TOLD = ("want", "extras", "rescaled")
"""What a command to a guest or a volume changes in its row."""


def agreement(
    database: Engine, node: str, held: Mapping[str, GuestRecord], driver: WatchedDriver, minute: int
) -> str | None:
    """The agent holds exactly what the market wants of it, the market knows how far that has come, and what is there is
    as it was commanded; nothing else runs."""
    with database.connect() as connection:
        wanted = live_revisions(connection, node)
        query = select(contract.c.id, contract.c.guest_state).where(contract.c.id.in_(wanted))
        told = {row.id: row.guest_state for row in connection.execute(query)}
    for name, revision in wanted.items():
        record = held.get(name)
        if record is None or record.allocation.revision != revision:
            has = record and record.allocation.revision
            return f"node {node} should hold {name} at revision {revision} and has {has}"
        if told[name] != record.state and (told[name], record.state) != (None, "accepted"):
            return f"the market believes that the {record.allocation.kind} of {name} is {told[name]}: {record.state}"
        inside = record.allocation.start < minute < record.allocation.end - 1
        if inside and record.state != "failed" and record.allocation.want != "gone":
            differs = _volume(record, driver, held) if record.is_volume else _guest(record, driver)
            if differs is not None:
                return f"node {node}: the {record.allocation.kind} of {name} {differs} ({record.state})"
    stray = [name for name in driver.up() if name not in wanted and name not in held]
    return f"node {node} runs {stray[0]}, which nobody wants" if stray else None


def kept(database: Engine, ordered: Mapping[str, Mapping[Any, Any]]) -> str | None:
    """What buyers were answered that they have commanded is wanted, unless something was commanded after it."""
    query = select(contract).where(contract.c.id.in_(ordered))
    with database.connect() as connection:
        rows = {row["id"]: row for row in connection.execute(query).mappings()}
    for name, told in ordered.items():
        row = rows.get(name)
        if row is None or row["revision"] < told["revision"]:
            return f"revision {told['revision']} of {name} was acknowledged, it is at {row and row['revision']}"
        changed = [field for field in TOLD if row[field] != told[field]]
        if row["revision"] == told["revision"] and changed:
            return f"{name} was acknowledged at revision {told['revision']} with another {changed[0]}"
    return None


def _guest(record: GuestRecord, driver: WatchedDriver) -> str | None:
    allocation, domain = record.allocation, driver.domains.get(record.contract)
    if domain is None:
        return "is not there"
    rests = allocation.want == "stopped" or (record.halted and record.rests)
    if bool(domain.run) is rests:
        return f"is {'up' if domain.run else 'down'}, and wanted {allocation.want}"
    if domain.run and domain.paused != (allocation.want == "paused"):
        return f"is {'paused' if domain.paused else 'running'}, and wanted {allocation.want}"
    if not rests and record.restart_wanted and allocation.want == "run":
        return "is not restarted"
    there = {field: getattr(domain.spec, field) for field in SIZES}
    return _sized(record, there, {field: getattr(allocation.guest, field) for field in SIZES})


def _volume(record: GuestRecord, driver: WatchedDriver, held: Mapping[str, GuestRecord]) -> str | None:
    extras, volume = record.allocation.extras, driver.volume.get(record.contract)
    if volume is None:
        return "is not there"
    size_gib = 0 if extras.set_aside else record.allocation.guest.disk_gib
    if differs := _sized(record, {"disk_gib": volume.size_gib}, {"disk_gib": size_gib}):
        return differs
    guest = held.get(extras.attached_to)
    is_there = guest is not None and guest.state not in ("removed", "failed") and guest.contract in driver.domains
    holder = extras.attached_to if is_there and not extras.set_aside else ""
    if volume.guest not in ("", holder) or (volume.guest != holder and not _is_refused(record.answers, "attached_to")):
        return f"is attached to {volume.guest!r}, and wanted at {holder!r}"
    return None


def _sized(record: GuestRecord, there: Mapping[str, int], wanted: Mapping[str, int]) -> str | None:
    for field, size in wanted.items():
        if there[field] != size and not _is_refused(record.answers, field):
            return f"has {field} {there[field]}, and is wanted with {size}"
    return None


def _is_refused(answers: tuple[FieldAnswer, ...], field: str) -> bool:
    return any(answer.field == field and answer.outcome == "refused" for answer in answers)
