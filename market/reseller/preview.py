"""A dry run: what the reseller of a node would do now, and why, with its own settings or with others."""

from __future__ import annotations

from sqlalchemy import Engine

from market.nodes.register_node import get_node
from market.reseller.decide import Decision, decide
from market.reseller.keep import check_settings, find_reseller
from market.reseller.read_view import see
from market.reseller.settings import Memory, ResellerSettings


def preview(database: Engine, owner: str, node_id: str, settings: ResellerSettings | None, minute: int) -> Decision:
    """The turn that would come next, were it on. Raises NotFound, and InvalidInput for settings that are off."""
    with database.connect().execution_options(isolation_level="REPEATABLE READ") as connection, connection.begin():
        if settings is None:
            kept = find_reseller(connection, owner, node_id)
            wanted = kept.settings, kept.memory
        else:
            check_settings(connection, get_node(connection, owner, node_id), settings, minute)
            wanted = settings, Memory(since_minute=minute)
        return decide(see(connection, {node_id: wanted}, minute)[node_id])
