"""The figures of a contract, as functions of its billed minutes."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from billing.terms import Bargain, Totals, bond, bond_forfeited, bond_of, break_fee, gross_with_vat, totals
from tests.billing.factories import TERMS

PPM = st.integers(0, 1_000_000)
PRICES = st.integers(1, 10**9)


@st.composite
def bargains(draw: st.DrawFn) -> Bargain:
    terms = replace(
        TERMS,
        fee_ppm=draw(PPM),
        buyer_vat_ppm=draw(PPM),
        provider_vat_ppm=draw(PPM),
        allowance_minutes=draw(st.integers(0, 50)),
    )
    return Bargain(
        slices=draw(st.integers(1, 64)),
        minutes=draw(st.integers(1, 40)),
        price_micros=draw(PRICES),
        bond_micros=draw(st.integers(0, 10**12)),
        terms=terms,
    )


def running(bargain: Bargain) -> list[Totals]:
    return [totals(bargain, minutes) for minutes in range(bargain.minutes + 1)]


@given(bargains())
def test_no_total_ever_falls(bargain: Bargain) -> None:
    for earlier, later in pairwise(running(bargain)):
        assert min(later - earlier) >= 0


@given(bargains())
def test_all_minutes_use_up_escrow_and_bond_exactly(bargain: Bargain) -> None:
    final = totals(bargain, bargain.minutes)
    assert final.escrow_captured == bargain.escrow_micros
    assert bond_of(bargain, bargain.minutes) == bargain.bond_micros
    assert totals(bargain, 0) == Totals(0, 0, 0, 0, 0, 0)


@given(bargains(), st.data())
def test_increments_add_up_whatever_the_steps(bargain: Bargain, data: st.DataObject) -> None:
    stops = data.draw(st.lists(st.integers(0, bargain.minutes), max_size=6))
    path = sorted({0, bargain.minutes, *stops})
    steps = [totals(bargain, later) - totals(bargain, earlier) for earlier, later in pairwise(path)]
    sums = tuple(map(sum, zip(*steps, strict=True)))
    assert sums == totals(bargain, bargain.minutes)


@given(bargains(), st.data())
def test_what_leaves_escrow_is_what_the_others_get(bargain: Bargain, data: st.DataObject) -> None:
    now = totals(bargain, data.draw(st.integers(0, bargain.minutes)))
    earned = now.provider_net + now.provider_vat
    assert now.escrow_captured == earned + now.fee + now.buyer_vat - now.provider_vat
    assert now.gross == now.provider_net + now.fee


@given(PRICES, st.lists(st.integers(1, 10**6), min_size=1, max_size=5), PPM)
def test_bonds_of_parts_never_exceed_the_bond_of_the_whole(price: int, parts: list[int], ppm: int) -> None:
    assert sum(bond(price, part, ppm) for part in parts) <= bond(price, sum(parts), ppm)


@given(bargains(), st.data())
def test_only_undelivered_minutes_beyond_the_allowance_forfeit_bond(bargain: Bargain, data: st.DataObject) -> None:
    kept = data.draw(st.integers(0, bargain.minutes))
    billed = data.draw(st.integers(0, kept))
    returned = data.draw(st.integers(billed, kept))
    forfeited = bond_forfeited(bargain, kept, billed, returned)
    assert 0 <= forfeited <= bond_of(bargain, kept) - bond_of(bargain, returned)
    if kept - billed <= bargain.terms.allowance_minutes:
        assert forfeited == 0


@given(bargains(), st.integers(0, 1_000_000), st.data())
def test_a_release_costs_no_more_than_the_rest_and_no_total_falls_after_it(
    bargain: Bargain, release_ppm: int, data: st.DataObject
) -> None:
    bargain = bargain._replace(terms=replace(bargain.terms, release_ppm=release_ppm))
    kept = data.draw(st.integers(0, bargain.minutes))
    rest = bargain.minutes - kept
    after = [totals(bargain, minutes, rest) for minutes in range(kept + 1)]
    assert after[-1].escrow_captured <= bargain.escrow_micros
    assert min(after[0] - totals(bargain, 0)) >= 0
    for earlier, later in pairwise(after):
        assert min(later - earlier) >= 0


@given(PRICES, st.integers(1, 10**6), PPM, PPM)
def test_a_break_fee_is_never_more_than_the_bond(price: int, slice_minutes: int, break_ppm: int, bond_ppm: int) -> None:
    secured = bond(price, slice_minutes, bond_ppm)
    owed = break_fee(price, slice_minutes, break_ppm, secured)
    assert owed <= secured
    if bond_ppm >= break_ppm:
        assert owed == bond(price, slice_minutes, break_ppm)


def test_figures_of_a_known_contract() -> None:
    bargain = Bargain(slices=2, minutes=10, price_micros=333, bond_micros=667, terms=TERMS)
    assert gross_with_vat(333, 20, 190_000) == bargain.escrow_micros == 6_660 + 1_265
    assert totals(bargain, 7) == Totals(
        gross=4_662,
        fee=233,
        buyer_vat=885,
        provider_net=4_429,
        provider_vat=841,
        escrow_captured=5_547,
    )
    assert bond_of(bargain, 7) == 466
    assert bond_forfeited(bargain, 10, 5, 5) == 667 - 533
