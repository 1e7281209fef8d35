"""Enrolment: a one-time token from the provider lets an agent hand in the public half of a key that it made itself."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from common.enrolment import EnrolRequest
from common.errors import Conflict, Forbidden
from common.ids import new_id
from market.nodes.register_node import get_node
from market.tables import enrolment, node

_VALID_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token, shown once, and until when (real time) it can be used."""

    token: str
    expires_at: datetime


def issue_token(connection: Connection, at_ms: int, owner: str, node_id: str) -> IssuedToken:
    """A token for one enrolment of the provider's node. Raises NotFound."""
    get_node(connection, owner, node_id)
    token = secrets.token_urlsafe(32)
    values = {"id": new_id("enr", at_ms), "node_id": node_id, "token_sha256": _digest(token)}
    statement = enrolment.insert().values(**values, expires_at=func.now() + _VALID_FOR)
    expires_at: datetime = connection.execute(statement.returning(enrolment.c.expires_at)).scalar_one()
    return IssuedToken(token, expires_at)


def use_token(connection: Connection, request: EnrolRequest) -> str:
    """The node that the token stands for, now bound to this agent's key.

    What the node offers is cut to what the agent measured. The same token with the same key again, within its time,
    gives the same answer: the first may have been lost. Raises Forbidden for a token that is unknown, used or expired,
    Conflict for a key that another node's agent has.
    """
    node_id = _claim(connection, request)
    taken = select(node.c.id).where(node.c.agent_public_key == request.public_key, node.c.id != node_id)
    if connection.execute(taken).one_or_none() is not None:
        raise Conflict("already_exists", "another node's agent has this key", field="public_key")
    measured = request.capacity
    connection.execute(
        node.update()
        .where(node.c.id == node_id)
        .values(
            agent_public_key=request.public_key,
            agent_version=request.agent_version,
            measured=asdict(measured),
            vcpus=func.least(node.c.vcpus, measured.vcpus),
            memory_mib=func.least(node.c.memory_mib, measured.memory_mib),
            disk_gib=func.least(node.c.disk_gib, measured.disk_gib),
        )
    )
    return node_id


def _claim(connection: Connection, request: EnrolRequest) -> str:
    """The token's node, the token being fresh or used by this very key."""
    query = (
        select(enrolment.c.id, enrolment.c.node_id, enrolment.c.used_at, node.c.agent_public_key)
        .join(node, node.c.id == enrolment.c.node_id)
        .where(enrolment.c.token_sha256 == _digest(request.token), enrolment.c.expires_at > func.now())
        .with_for_update(of=enrolment)
    )
    row = connection.execute(query).one_or_none()
    if row is None or (row.used_at is not None and row.agent_public_key != request.public_key):
        raise Forbidden("enrolment_invalid", "the enrolment token is unknown, used or expired", field="token")
    connection.execute(enrolment.update().where(enrolment.c.id == row.id).values(used_at=func.now()))
    node_id: str = row.node_id
    return node_id


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
