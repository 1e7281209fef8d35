"""Money moves between the accounts that its kind of transfer names, and between no others."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.chart import MARKET_KINDS, PARTICIPANT_KINDS, ROUTES, is_routed
from billing.transfers import Entry, Transfer, account

KINDS = (*PARTICIPANT_KINDS, *MARKET_KINDS)

# Written down once more, from the design's ledger, so that a slip in the data is seen.
DESIGN = {
    "deposit": {"bank>cash"},
    "withdrawal": {"cash>bank"},
    "trade": {"cash>escrow", "cash>bond"},
    "settle": {"escrow>earned", "escrow>fees", "escrow>tax", "tax>earned", "bond>cash"},
    "release": {"escrow>earned", "escrow>fees", "escrow>tax", "tax>earned"},
    "free": {"escrow>cash", "bond>cash"},
    "reclaim": {"escrow>cash", "bond>cash"},
    "fail": {"escrow>cash", "bond>cash", "bond>reserve"},
    "complete": {"escrow>cash", "bond>cash", "bond>reserve"},
    "recover": {"earned>reserve"},
    "payable": {"earned>payable"},
    "payout": {"payable>bank"},
} | {
    kind: {f"{source}>{target}" for source in ("earned", "payable", "reserve", "fees", "tax")}
    | {"earned>tax", "payable>tax", "reserve>tax"}
    for kind, target in (("bust", "cash"), ("credit", "cash"), ("unsettle", "escrow"))
}


def owner(kind: str) -> str:
    return "market" if kind in MARKET_KINDS else "ada"


def entries(source: str, target: str, amount: int = 5) -> tuple[Entry, Entry]:
    return Entry(account(owner(source), source), -amount), Entry(account(owner(target), target), amount)


def test_the_chart_is_that_of_the_design() -> None:
    assert {kind: {f"{source}>{target}" for source, target in flows} for kind, flows in ROUTES.items()} == DESIGN


@pytest.mark.parametrize("kind", ROUTES)
def test_every_pair_of_accounts_is_moved_or_refused_as_the_chart_says(kind: str) -> None:
    for source, target in product(KINDS, KINDS):
        if f"{source}>{target}" in DESIGN[kind]:
            assert Transfer("key", kind, 0, entries(source, target)).entries
        else:
            with pytest.raises(AssertionError, match="cannot debit"):
                Transfer("key", kind, 0, entries(source, target))


def test_a_kind_that_the_chart_does_not_know_moves_nothing() -> None:
    with pytest.raises(AssertionError, match="cannot debit"):
        Transfer("key", "gift", 0, entries("cash", "escrow"))


def test_amounts_that_only_balance_over_a_flow_that_is_missing_are_refused() -> None:
    """A settlement pays the provider from escrow and gives its bond back; no bond becomes earnings."""
    whole = (*entries("escrow", "earned", 7), *entries("bond", "cash", 3))
    assert Transfer("key", "settle", 0, whole).entries
    shifted = [
        Entry(entry.account, entry.amount_micros + {"ada/earned": 1, "ada/cash": -1}.get(entry.account, 0))
        for entry in whole
    ]
    with pytest.raises(AssertionError, match="cannot debit"):
        Transfer("key", "settle", 0, tuple(shifted))


@given(st.sampled_from(sorted(ROUTES)), st.data())
def test_whatever_flows_add_up_to_is_routed_and_nothing_else(kind: str, data: st.DataObject) -> None:
    """Against the definition: amounts are routed exactly if some split into the kind's flows makes them."""
    amounts = st.dictionaries(st.sampled_from(KINDS), st.integers(1, 3), min_size=1, max_size=3)
    debits, credits_ = data.draw(amounts), data.draw(amounts)
    if sum(debits.values()) == sum(credits_.values()):
        units = [source for source, amount in debits.items() for _ in range(amount)]
        assert is_routed(kind, debits, credits_) == _splits(kind, units, dict(credits_))


def _splits(kind: str, units: list[str], room: dict[str, int]) -> bool:
    if not units:
        return True
    for target in [target for source, target in ROUTES[kind] if source == units[0] and room.get(target)]:
        room[target] -= 1
        if _splits(kind, units[1:], room):
            return True
        room[target] += 1
    return False
