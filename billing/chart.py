"""The chart of accounts, and between which of them each kind of transfer may move money: data, and one check of it.

A transfer may have many entries; it is routed when its debits and credits can be split into flows that its kind has.
Source: the design's ledger, "Accounts" and "Postings".
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

PARTICIPANT_KINDS = ("cash", "escrow", "bond", "earned", "payable")
MARKET_KINDS = ("bank", "fees", "tax", "reserve")


def _flows(text: str) -> frozenset[tuple[str, str]]:
    """From lines such as `escrow -> earned fees`: one account that is debited, and those that it may credit."""
    flows = set()
    for line in filter(None, map(str.strip, text.splitlines())):
        source, _, targets = line.partition("->")
        flows |= {(source.strip(), target) for target in targets.split()}
    return frozenset(flows)


_CAPTURE = """
    escrow -> earned fees tax
    tax    -> earned
"""
"""What a provider has delivered. Tax is output less input, and is debited where a provider's VAT is the larger."""
_TAKEN_BACK = """
    earned  -> {0} tax
    payable -> {0} tax
    reserve -> {0} tax
    fees    -> {0}
    tax     -> {0}
"""
"""The reverse, to the account {0}: what a provider cannot cover comes from the reserve."""

ROUTES: Mapping[str, frozenset[tuple[str, str]]] = {
    "deposit": _flows("bank -> cash"),
    "withdrawal": _flows("cash -> bank"),
    "trade": _flows("cash -> escrow bond"),
    "settle": _flows(_CAPTURE + "bond -> cash"),
    "unsettle": _flows(_TAKEN_BACK.format("escrow")),
    "release": _flows(_CAPTURE),
    "free": _flows("escrow -> cash \n bond -> cash"),
    "reclaim": _flows("escrow -> cash \n bond -> cash"),
    "fail": _flows("escrow -> cash \n bond -> cash reserve"),
    "complete": _flows("escrow -> cash \n bond -> cash reserve"),
    "bust": _flows(_TAKEN_BACK.format("cash")),
    "credit": _flows(_TAKEN_BACK.format("cash")),
    "recover": _flows("earned -> reserve"),
    "payable": _flows("earned -> payable"),
    "payout": _flows("payable -> bank"),
}
"""Kind of transfer -> its flows, each from the kind of account that is debited to the kind that is credited."""


def is_routed(kind: str, debits: Mapping[str, int], credits_: Mapping[str, int]) -> bool:
    """Whether a transfer of this kind may debit and credit these kinds of accounts by these positive amounts.

    The two sums are equal. By Hall's theorem the amounts can be split into flows exactly if no group of debits is
    larger than all credits that it can reach.
    """
    flows = ROUTES.get(kind, frozenset())
    for size in range(1, len(debits) + 1):
        for group in combinations(debits, size):
            reached = {target for source, target in flows if source in group}
            if sum(debits[source] for source in group) > sum(credits_.get(target, 0) for target in reached):
                return False
    return True
