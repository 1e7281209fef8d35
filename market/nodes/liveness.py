"""Whether nodes are alive: heartbeats in, LOST after a silence in real time. A lost node's guests go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, case, func, select

from common.wire import SPOKEN_SINCE, Heartbeat
from market.tables import contract, instrument, node, orders, slice_class

_LIVE = contract.c.state.in_(("scheduled", "provisioning", "running", "stopped"))
_IS_THERE = contract.c.guest_state.is_distinct_from("removed")
_LEAVING = contract.c.ended_minute.is_not(None) & (contract.c.want != "gone") & _IS_THERE


@dataclass(frozen=True, slots=True)
class OpenAsk:
    """An ask on the book that its node no longer backs, and why."""

    order: str
    participant: str
    shard: str
    reason: str = "node_lost"


def record_heartbeat(connection: Connection, beat: Heartbeat, at: datetime) -> None:
    """The node was alive at `at`, the real time at which the bus took the heartbeat in. It is online until it has been
    silent for too long; an old heartbeat that was read late brings nobody back."""
    later = node.c.heartbeat_at.is_(None) | (node.c.heartbeat_at < at)
    statement = node.update().where(node.c.id == beat.node, later)
    own_work = None if beat.own_work is None else asdict(beat.own_work)
    spoken = {"agent_version": beat.agent_version, "wire_version": beat.version}
    connection.execute(statement.values(state="online", heartbeat_at=at, own_work=own_work, **spoken))


def live_revisions(connection: Connection, node_id: str) -> dict[str, int]:
    """Contract -> revision of everything that the node should hold, also what ends soon: released or reclaimed."""
    known = (contract.c.node_id == node_id) & contract.c.grows.is_(None)  # the others are part of these
    of_node = select(contract.c.id, contract.c.revision).where(known)
    query = of_node.where(_LIVE).union_all(of_node.where(_LEAVING))  # an index for each
    return {row.id: row.revision for row in connection.execute(query)}


def untold(connection: Connection, beat: Heartbeat) -> list[str]:
    """Contracts of the node whose newest status has not come: live ones, by the instants in the heartbeat, and those
    that ended early whose guests the market believes there, where the agent knows the contract and tells of no guest:
    that one is gone."""
    of_node = select(contract.c.id, contract.c.guest_state_at_ms).where(contract.c.node_id == beat.node)
    live = connection.execute(of_node.where(_LIVE)).all()
    leaving = connection.execute(of_node.where(_LEAVING, contract.c.grows.is_(None))).all()
    silent = [row.id for row in live if beat.told.get(row.id, 0) > row.guest_state_at_ms]
    return silent + [row.id for row in leaving if row.id in beat.applied and row.id not in beat.told]


def enrolled_nodes(connection: Connection) -> list[str]:
    """The nodes whose agents may bind to a consumer."""
    return list(connection.execute(select(node.c.id).where(node.c.agent_public_key.is_not(None))).scalars())


def mark_lost(connection: Connection, silent_seconds: float) -> Sequence[str]:
    """The nodes whose last heartbeat is older than this, now LOST. To be asked only while heartbeats are being read."""
    silent = node.c.heartbeat_at < func.now() - timedelta(seconds=silent_seconds)
    statement = node.update().where(node.c.state == "online", silent).values(state="lost").returning(node.c.id)
    return connection.execute(statement).scalars().all()


def asks_to_withdraw(connection: Connection, node_id: str | None = None) -> list[OpenAsk]:
    """Asks that are still on a book although their node is lost, or is being drained, or has an agent that is too old
    for what they sell; of one node, or of all."""
    kind = select(slice_class.c.kind).join(instrument, instrument.c.slice_class == slice_class.c.name)
    since = case(SPOKEN_SINCE, value=kind.where(instrument.c.code == orders.c.instrument).scalar_subquery())
    why = case((node.c.draining, "node_drained"), (node.c.state == "lost", "node_lost"), else_="agent_outdated")
    gone = (node.c.state == "lost") | node.c.draining | (node.c.wire_version < since)
    query = (
        select(orders.c.id, orders.c.participant_id, orders.c.shard, why)
        .join(node, node.c.id == orders.c.node_id)
        .where(gone, orders.c.state.in_(("new", "partially_filled")))
        .order_by(orders.c.id)
    )
    if node_id is not None:
        query = query.where(node.c.id == node_id)
    return [OpenAsk(*row) for row in connection.execute(query)]
