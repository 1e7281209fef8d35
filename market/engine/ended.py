"""What a command that ends contracts has planned, and how their money is divided, when all that it touches is locked.

Stands between the files that plan an ending (`endings`, `chain_endings`, `replacement`) and those that carry it out
(`contract_acts`, `batch_run`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from billing import contracts as billing_contracts
from billing import ledger
from billing.endings import Cut, Outcome
from billing.transfers import MARKET, account
from market.engine.effects import Effects
from matching.commands import Free
from runtime.feed import FeedEvent

_OF_BUYER = ("cash", "escrow")
_OF_PROVIDER = ("bond", "cash", "earned", "payable")
_OF_MARKET = ("fees", "reserve", "tax")
"""The accounts of each that the end of a contract may touch."""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A contract that has failed: its `row` on the market, what the failure frees of its money, the most that the bond
    behind it pays for its replacement, who must not be bought of again, and the instrument's cheapest ask, which caps
    what the bond pays."""

    row: Mapping[Any, Any]
    cut: Cut
    bond_micros: int
    failed_providers: frozenset[str]
    cheapest_micros: int | None


@dataclass(frozen=True, slots=True)
class Replacement:
    """The contract that was bought, and by how much it costs the buyer more than the minutes that it replaces, with
    VAT, in micro-units; or why none was: a code."""

    contract: str | None = None
    not_replaced: str | None = None
    extra_micros: int = 0

    @property
    def link(self) -> dict[str, str]:
        """Columns of the contract that failed, which tell by what it was replaced, or why by nothing."""
        told = {"replaced_by": self.contract, "not_replaced": self.not_replaced}
        return {name: value for name, value in told.items() if value is not None}


CheapestAsk = Callable[[str], int | None]
"""An instrument's lowest price for which a node's slices are offered; None where none are."""
Replace = Callable[[Undelivered], Replacement | None]
"""Buys for the rest of a contract that failed, where that was asked for."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A contract that ends: what the auction frees, what the journal keeps (the contract's `state`, the `minute` and
    the `reason`), what the feed tells, whose accounts it touches, and how its money is divided."""

    free: Free
    facts: dict[str, Any]
    told: FeedEvent
    buyer: str
    provider: str
    divide: Callable[[], Outcome]


def divide_all(connection: Connection, effects: Effects, ended: Sequence[Ended]) -> list[Outcome]:
    """Divide the money of all that end in a transaction whose `effects` on orders are known; what became of each.

    Two transactions that lock the same rows in different orders would wait for each other. So all that this one will
    post to is locked before its first posting, as everywhere: contracts, then participants' accounts in id order in one
    statement, then the market's. That is more than the contracts' parties: with the command, orders of anybody may have
    expired, and what they had reserved is set free when its rows are written.
    """
    for name in sorted(record.resold_from for record in effects.resold() if record.resold_from is not None):
        billing_contracts.hold(connection, name)
    accounts = {account(each.buyer, kind) for each in ended for kind in _OF_BUYER}
    accounts |= {account(each.provider, kind) for each in ended for kind in _OF_PROVIDER}
    accounts |= {account(made.billed.buyer_id, kind) for made in effects.contracts for kind in _OF_BUYER}
    accounts |= {account(made.billed.provider_id, kind) for made in effects.contracts for kind in _OF_PROVIDER}
    accounts |= {account(owner, "cash") for owner in effects.reservations}
    ledger.hold(connection, accounts)
    if len(ended) > 1:  # each of them posts by itself, and not to the same ones of these
        ledger.hold(connection, [account(MARKET, kind) for kind in _OF_MARKET])
    return [each.divide() for each in ended]


def in_all(outcomes: Sequence[Outcome]) -> Outcome:
    """What became of the money of contracts that ended together, the last of them the main one."""
    amounts = [(each.fee_micros, each.refund_micros, each.compensation_micros) for each in outcomes]
    return Outcome(outcomes[-1].minute, *map(sum, zip(*amounts, strict=True)))
