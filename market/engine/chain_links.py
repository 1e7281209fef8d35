"""A chain of resold contracts whose end is due, as the engine sees it: who holds what, and until when.

Read by `market.engine.chain_endings`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from billing.tables import billable_contract
from common.minutes import MICROS_PER_MINUTE
from market.engine.ended import CheapestAsk, Replace
from market.engine.endings import ROWS
from runtime.arrays import among


@dataclass(frozen=True, slots=True)
class Link:
    """A contract of the chain: its row on the market, with the instrument's and the slice class's, and in billing."""

    row: Mapping[Any, Any]
    billable: Row[Any]

    @property
    def id(self) -> str:
        """The contract's id."""
        identifier: str = self.billable.contract_id
        return identifier


@dataclass(frozen=True, slots=True)
class Chain:
    """All links, the node's provider's own first; the place of the named one, the time, and the market's prices."""

    links: Sequence[Link]
    place: int
    at_micros: int
    cheapest_ask: CheapestAsk
    replace: Replace

    @property
    def next_minute(self) -> int:
        """What "now" means on the market."""
        return self.at_micros // MICROS_PER_MINUTE + 1

    @property
    def named(self) -> Link:
        """The contract that the command names."""
        return self.links[self.place]

    def holders(self) -> list[Link]:
        """Those who bought from each other. The provider is not compensated for its own doing."""
        first = self.links[0]
        return [link for link in self.links[1:] if link.billable.buyer_id != first.billable.provider_id]

    def until(self, link: Link) -> int:
        """The minute up to which the link's buyer has the guest itself."""
        behind = self.links[self.links.index(link) + 1 :]
        return int(behind[0].billable.start_minute if behind else link.billable.end_minute)


def links_of(connection: Connection, shard: str, members: Sequence[str]) -> list[Link]:
    """The contracts of a chain that is held, in its order, with their rows on the market locked."""
    query = select(billable_contract).where(among(billable_contract.c.contract_id, members))
    billables = {row.contract_id: row for row in connection.execute(query)}
    rows = connection.execute(ROWS, {"ids": list(members), "of_shard": shard}).mappings()
    by_id = {row["id"]: row for row in rows}
    return [Link(by_id[each], billables[each]) for each in members]
