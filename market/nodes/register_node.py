"""A provider registers a node: what it offers of an L1 VM, and until when it has reserved that VM itself."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, select
from sqlalchemy.dialects.postgresql import insert

from common.errors import Conflict, NotFound, Refused
from common.ids import new_id
from common.wire import Capacity
from market.tables import node, participant


def register_node(
    connection: Connection,
    at_ms: int,
    owner: str,
    *,
    name: str,
    zone: str,
    offered: Capacity,
    reserved_until: int,
) -> RowMapping:
    """The new node's row, in state `new` until its agent has enrolled. Names are unique per provider.

    Raises Refused (`not_a_provider`) and Conflict (`already_exists`).
    """
    is_provider = connection.execute(select(participant.c.is_provider).where(participant.c.id == owner)).scalar_one()
    if not is_provider:
        raise Refused("not_a_provider", "to offer a node, send the provider form first: POST /v1/providers")
    values = {
        "id": new_id("nod", at_ms),
        "participant_id": owner,
        "name": name,
        "zone": zone,
        "vcpus": offered.vcpus,
        "memory_mib": offered.memory_mib,
        "disk_gib": offered.disk_gib,
        "reserved_until": reserved_until,
    }
    inserted = insert(node).values(**values).on_conflict_do_nothing(index_elements=["participant_id", "name"])
    row = connection.execute(inserted.returning(node)).mappings().one_or_none()
    if row is None:
        raise Conflict("already_exists", f"you have a node {name} already", field="name")
    return row


def list_nodes(connection: Connection, owner: str, after: str, limit: int) -> list[RowMapping]:
    """Up to `limit` nodes of a provider with ids above `after`."""
    query = select(node).where(node.c.participant_id == owner, node.c.id > after).order_by(node.c.id).limit(limit)
    return list(connection.execute(query).mappings())


def get_node(connection: Connection, owner: str, node_id: str) -> RowMapping:
    """The provider's node. Raises NotFound."""
    query = select(node).where(node.c.id == node_id, node.c.participant_id == owner)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound("not_found", f"you have no node {node_id}", field="node")
    return row
