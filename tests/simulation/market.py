"""The market that a simulation begins with: instruments, providers with nodes, buyers, some of them short of cash."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine

from billing import identities, ledger
from billing.deposits import deposit
from billing.transfers import MARKET
from common.clock import ClockAnchor
from common.wire import Capacity
from market.instruments.instruments import create_instrument
from market.instruments.slice_classes import STANDARD, add_class
from market.nodes.register_node import register_node
from market.participants.become_provider import become_provider
from market.participants.create_participant import create_participant
from market.tables import node
from runtime.deployment import establish
from tests.market.factories import INSTRUMENT, PROVIDER_FORM, ZONE

SPOT_INSTRUMENT = replace(INSTRUMENT, firmness="spot")
SPOT_CODE = SPOT_INSTRUMENT.code
BLOCK_INSTRUMENT = replace(INSTRUMENT, slice_class="block")
BLOCK_CODE = BLOCK_INSTRUMENT.code
CAPACITY = Capacity(12, 12 * 2048, 160)
"""Of every node: there is storage for volumes besides that of its guests."""
NODES_OF = (1, 1)
"""Nodes of each provider."""
CASH_MICROS = (50_000_000, 2_000_000, 30_000)
"""Cash of each buyer: the last has enough for a few small bids."""
SELLERS = 2
"""So many of the buyers may sell what they have bought."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Ids: provider -> its nodes, and the buyers."""

    providers: dict[str, tuple[str, ...]]
    buyers: tuple[str, ...]

    @property
    def nodes(self) -> tuple[str, ...]:
        """All nodes."""
        return tuple(node for nodes in self.providers.values() for node in nodes)


def found(database: Engine, anchor: ClockAnchor) -> Cast:
    """Write the market into an empty database."""
    with database.begin() as connection:
        establish(connection, "EUR", anchor)
        ledger.open_market_accounts(connection)
        identities.save(connection, MARKET, PROVIDER_FORM, anchor.market_micros)
        for standard in STANDARD:
            add_class(connection, standard)
        for instrument in (INSTRUMENT, SPOT_INSTRUMENT, BLOCK_INSTRUMENT):
            create_instrument(connection, instrument)
        providers = [_participant(connection, anchor, f"provider-{n}", 20_000_000) for n in range(len(NODES_OF))]
        for provider in providers:
            become_provider(connection, anchor.market_micros, provider, PROVIDER_FORM)
        nodes = {
            provider: tuple(_node(connection, anchor, provider, f"{index}-{n}") for n in range(count))
            for index, (provider, count) in enumerate(zip(providers, NODES_OF, strict=True))
        }
        buyers = [_participant(connection, anchor, f"buyer-{index}", cash) for index, cash in enumerate(CASH_MICROS)]
        for seller in buyers[:SELLERS]:
            become_provider(connection, anchor.market_micros, seller, PROVIDER_FORM)
    return Cast(nodes, tuple(buyers))


def _participant(connection: Connection, anchor: ClockAnchor, name: str, cash_micros: int) -> str:
    at_micros = anchor.market_micros
    created, _key = create_participant(
        connection, at_micros // 1000, name, f"{name}@example.org", identity=PROVIDER_FORM
    )
    deposit(connection, created.id, cash_micros, "first", at_micros)
    return created.id


def _node(connection: Connection, anchor: ClockAnchor, owner: str, name: str) -> str:
    now_minute = anchor.market_micros // 60_000_000
    row = register_node(
        connection,
        anchor.market_micros // 1000,
        owner,
        name=name,
        zone=ZONE,
        offered=CAPACITY,
        reserved_until=now_minute + 10_000,
    )
    connection.execute(node.update().where(node.c.id == row["id"]).values(state="online", agent_public_key=name))
    created: str = row["id"]
    return created
