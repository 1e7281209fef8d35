"""What the engine reads of a contract whose rest is offered."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, Text, any_, bindparam, exists, select

from billing.tables import billable_contract, delivered_by
from market.tables import contract, node, participant

_GUEST_OF_OTHERS = contract.alias("guest_of_others")


@dataclass(frozen=True, slots=True)
class ContractFacts:
    """The contract behind an ask: who holds it, and who delivers it out of which node, with its reliability.

    `failing`: its guest has failed. `shared`: its guest delivers other contracts of its holder, or another guest
    delivers it.
    """

    id: str
    holder: str
    deliverer: str
    node: str
    instrument: str
    slices: int
    start_minute: int
    end_minute: int
    state: str
    failing: bool
    shared: bool
    reliability_ppm: int


_LINKS = delivered_by.join(_GUEST_OF_OTHERS, _GUEST_OF_OTHERS.c.id == delivered_by.c.contract_id)
_DELIVERS_ITS_HOLDERS = exists(
    select(delivered_by.c.contract_id)
    .select_from(_LINKS)
    .where(delivered_by.c.by_contract_id == contract.c.id, _GUEST_OF_OTHERS.c.buyer_id == contract.c.buyer_id)
)
_IS_DELIVERED = exists().where(
    delivered_by.c.contract_id == contract.c.id, delivered_by.c.until_minute == contract.c.end_minute
)
CONTRACTS = (
    select(
        contract.c.id,
        contract.c.buyer_id.label("holder"),
        node.c.participant_id.label("deliverer"),
        contract.c.node_id.label("node"),
        contract.c.instrument,
        contract.c.slices,
        contract.c.start_minute,
        contract.c.end_minute,
        contract.c.state,
        billable_contract.c.ended_minute.is_not(None).label("failing"),
        (_DELIVERS_ITS_HOLDERS | _IS_DELIVERED).label("shared"),
        participant.c.reliability_ppm,
    )
    .join(billable_contract, billable_contract.c.contract_id == contract.c.id)
    .join(node, node.c.id == contract.c.node_id)
    .join(participant, participant.c.id == node.c.participant_id)
    .where(contract.c.id == any_(bindparam("ids", type_=ARRAY(Text))), contract.c.shard == bindparam("shard"))
)
"""Rows for `contract_facts`, of these contracts of the shard."""

_NAMES = tuple(field.name for field in dataclasses.fields(ContractFacts))


def contract_facts(row: Any) -> ContractFacts:
    """The facts in a row of CONTRACTS."""
    return ContractFacts(**{name: getattr(row, name) for name in _NAMES})
