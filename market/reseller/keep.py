"""A provider switches the reseller of a node on, changes what it wants, or switches it off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, func, select
from sqlalchemy.dialects.postgresql import insert

from common import codec
from common.errors import NotFound
from market.instruments.instruments import existing_codes, unknown_instrument
from market.nodes.register_node import get_node
from market.reseller.settings import Memory, ResellerSettings
from market.tables import reseller, reseller_span

State = Literal["on", "stopping", "off"]
ON: State = "on"
STOPPING: State = "stopping"
OFF: State = "off"


@dataclass(frozen=True, slots=True)
class Kept:
    """A node's reseller as it stands. `said` is its last turn, in sentences."""

    node: str
    state: State
    settings: ResellerSettings
    memory: Memory
    turn_minute: int
    said: tuple[str, ...]


def put_reseller(
    connection: Connection, owner: str, node_id: str, settings: ResellerSettings, minute: int, *, enabled: bool
) -> Kept:
    """Switch it on with these settings, or change them; without `enabled`, keep them for later and switch it off.

    Raises NotFound for a node or an instrument that is not there, InvalidInput for what contradicts itself.
    """
    row = get_node(connection, owner, node_id)
    check_settings(connection, row, settings, minute)
    fresh = {
        "state": ON if enabled else STOPPING,
        "settings": codec.to_json(settings),
        "memory": codec.to_json(Memory(since_minute=minute)),
    }
    again = fresh | {"version": reseller.c.version + 1, "turn_minute": reseller.c.turn_minute}
    connection.execute(
        insert(reseller)
        .values(node_id=node_id, version=1, **fresh)
        .on_conflict_do_update(index_elements=["node_id"], set_=again)
    )
    _end_span(connection, node_id, minute)
    if enabled:
        _begin_span(connection, row, settings, minute)
    return find_reseller(connection, owner, node_id)


def check_settings(connection: Connection, row: RowMapping, settings: ResellerSettings, minute: int) -> None:
    """Raises NotFound for an unknown instrument, InvalidInput for what contradicts the node or itself."""
    settings.check(row["zone"], minute)
    known = existing_codes(connection, settings.instruments)
    for code in settings.instruments:
        if code not in known:
            raise unknown_instrument(code)


def stop_reseller(connection: Connection, owner: str, node_id: str, minute: int) -> Kept:
    """Switch it off: its offers leave the book, what is sold stays sold. Off already: no error. Raises NotFound."""
    kept = find_reseller(connection, owner, node_id)
    if kept.state == ON:
        off = reseller.update().where(reseller.c.node_id == node_id, reseller.c.state == ON)
        connection.execute(off.values(state=STOPPING, version=reseller.c.version + 1))
        _end_span(connection, node_id, minute)
    return find_reseller(connection, owner, node_id)


def find_reseller(connection: Connection, owner: str, node_id: str) -> Kept:
    """The reseller of the provider's node. Raises NotFound, also while it has never been switched on."""
    get_node(connection, owner, node_id)
    row = connection.execute(select(reseller).where(reseller.c.node_id == node_id)).mappings().one_or_none()
    if row is None:
        reason = f"the node {node_id} sells nothing by itself yet: PUT /v1/nodes/{{id}}/reseller begins it"
        raise NotFound("not_found", reason, field="node")
    return kept_of(row)


def kept_of(row: Any) -> Kept:
    """The reseller in a row of its table."""
    return Kept(
        node=row["node_id"],
        state=row["state"],
        settings=codec.from_json(ResellerSettings, row["settings"], lenient=True),
        memory=codec.from_json(Memory, row["memory"], lenient=True),
        turn_minute=row["turn_minute"],
        said=tuple(row["said"]),
    )


def _begin_span(connection: Connection, row: RowMapping, settings: ResellerSettings, minute: int) -> None:
    values = {
        "until_minute": settings.until,
        "cost_micros_per_hour": settings.cost_micros_per_hour,
        "vcpus": row["vcpus"],
        "memory_mib": row["memory_mib"],
        "disk_gib": row["disk_gib"],
        "kept_vcpus": settings.keep.vcpus,
        "kept_memory_mib": settings.keep.memory_mib,
        "kept_disk_gib": settings.keep.disk_gib,
    }
    begun = insert(reseller_span).values(node_id=row["id"], from_minute=minute, **values)
    connection.execute(begun.on_conflict_do_update(index_elements=["node_id", "from_minute"], set_=values))


def _end_span(connection: Connection, node_id: str, minute: int) -> None:
    columns = reseller_span.c
    running = (columns.node_id == node_id) & (columns.until_minute > minute)
    ended = func.greatest(columns.from_minute, minute)
    connection.execute(reseller_span.update().where(running).values(until_minute=ended))
