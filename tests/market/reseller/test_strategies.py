"""Prices: on the tick, within the corridor, and moved only by what each strategy says that it looks at."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from market.reseller.floor import Corridor, break_even_micros, corridor
from market.reseller.settings import ResellerSettings, Strategy
from market.reseller.strategies import Sight, adapt, decay, quote, undercut, worth_changing
from market.reseller.zip_trader import MILLIS, Shout, ZipState, beginning, listen, price_of

PRICES = st.integers(1, 20_000)
STRATEGIES: tuple[Strategy, ...] = ("fixed", "undercut", "decay", "zip")


@st.composite
def corridors(draw: st.DrawFn) -> Corridor:
    made = corridor(
        draw(PRICES), draw(st.integers(0, 300)), draw(st.integers(1, 50)), draw(st.integers(1, 500)), 100_000
    )
    assert made is not None
    return made


shouts = st.builds(Shout, PRICES, st.sampled_from(("bid", "ask")), st.booleans())
trades = st.builds(Shout, PRICES, st.sampled_from(("bid", "ask")), st.just(True))
sights = st.builds(
    Sight,
    st.one_of(st.none(), PRICES),
    st.integers(0, 10_000),
    st.lists(trades, max_size=9).map(tuple),
    st.integers(0, 30),
)


def settings(strategy: Strategy) -> ResellerSettings:
    return ResellerSettings(("fra1.std.firm",), 0, 0, strategy)


@given(corridors(), st.lists(sights, min_size=1, max_size=5), st.sampled_from(STRATEGIES))
def test_a_price_is_on_the_tick_and_never_under_the_floor(
    between: Corridor, seen: list[Sight], strategy: Strategy
) -> None:
    learned = None
    for sight in seen:
        asked = quote(settings(strategy), between, sight, learned, "seed")
        learned = asked.learned
        assert asked.price_micros % between.tick_micros == 0
        assert between.floor_micros <= asked.price_micros <= between.ceiling_micros
        if strategy != "zip":
            assert asked.price_micros <= between.opening_micros


@given(st.integers(1, 10**9), st.integers(1, 500), st.integers(1, 100), st.integers(0, 999_999))
def test_sold_as_expected_at_the_floor_the_slices_pay_for_the_reservation_and_a_micro_less_would_not(
    cost: int, slices: int, utilisation: int, fee_ppm: int
) -> None:
    price = break_even_micros(cost, slices, utilisation, fee_ppm)
    assert price is not None
    earned, too_little = (each * slices * 60 * utilisation * (1_000_000 - fee_ppm) for each in (price, price - 1))
    assert too_little < cost * 100 * 1_000_000 <= earned


def test_where_no_price_pays_there_is_no_floor() -> None:
    assert break_even_micros(100, 0, 60, 0) is None
    assert break_even_micros(100, 8, 60, 1_000_000) is None
    assert corridor(101, 50, 1, 1, 100) is None
    assert break_even_micros(0, 8, 60, 0) == 1


@given(corridors(), sights, PRICES)
def test_fixed_looks_at_nothing(between: Corridor, sight: Sight, price: int) -> None:
    assert quote(settings("fixed"), between, sight, None, "a").price_micros == between.opening_micros


@given(corridors(), PRICES)
def test_undercut_is_a_tick_below_where_the_corridor_allows(between: Corridor, price: int) -> None:
    competitor = price * between.tick_micros
    asked = undercut(between, Sight(competitor, 0)).price_micros
    if between.floor_micros < competitor <= between.opening_micros:
        assert asked == competitor - between.tick_micros
    else:
        assert asked == (between.floor_micros if competitor <= between.floor_micros else between.opening_micros)
    assert undercut(between, Sight(None, 0)).price_micros == between.opening_micros


@given(corridors(), st.integers(1, 3000))
def test_decay_falls_from_the_first_price_to_the_floor_and_never_rises(between: Corridor, minutes: int) -> None:
    asked = [
        decay(between, Sight(None, idle), minutes).price_micros for idle in range(0, minutes + 3, 1 + minutes // 50)
    ]
    assert asked == sorted(asked, reverse=True)
    assert asked[0] == between.opening_micros
    assert decay(between, Sight(None, minutes), minutes).price_micros == between.floor_micros


@given(corridors(), PRICES, st.text(max_size=8), st.integers(0, 10**6))
def test_zip_moves_towards_what_trades(between: Corridor, traded: int, seed: str, heard: int) -> None:
    calm = ZipState(between.opening_micros * MILLIS, 0, heard)
    above = Shout(between.opening_micros + traded, "ask", accepted=True)
    assert listen(calm, above, between, seed).price_millis >= calm.price_millis
    in_vain = Shout(min(traded, between.opening_micros), "ask", accepted=False)
    assert listen(calm, in_vain, between, seed).price_millis <= calm.price_millis
    assert listen(calm, Shout(traded, "bid", accepted=False), between, seed).price_millis == calm.price_millis
    if traded < between.opening_micros:
        below = Shout(traded, "bid", accepted=True)
        assert listen(calm, below, between, seed).price_millis <= calm.price_millis
        others = Shout(traded, "ask", accepted=True)
        assert listen(calm, others, between, seed).price_millis == calm.price_millis


def test_zip_comes_to_what_buyers_pay_and_falls_to_the_floor_when_nobody_buys() -> None:
    between = Corridor(1000, 1500, 100_000, 10)
    state = beginning(between)
    for _ in range(60):
        state = listen(state, Shout(3000, "bid", accepted=True), between, "seed")
    assert price_of(state, between) >= 2990
    idle = None
    for _ in range(200):
        idle = adapt(between, Sight(None, 0, vain_minutes=9), idle, "seed").learned
    assert idle is not None
    assert price_of(idle, between) == 1000


@given(corridors(), st.lists(shouts, max_size=20), st.text(max_size=5))
def test_zip_repeats_itself_from_the_same_seed(between: Corridor, heard: list[Shout], seed: str) -> None:
    first, again = beginning(between), beginning(between)
    for shout in heard:
        first = listen(first, shout, between, seed)
    for shout in heard:
        again = listen(again, shout, between, seed)
    assert first == again


def test_another_seed_is_another_trader() -> None:
    between = Corridor(1000, 2000, 100_000, 1)
    seen = Shout(2500, "bid", accepted=True)
    assert len({listen(beginning(between), seen, between, str(seed)).price_millis for seed in range(20)}) > 10


def test_a_small_difference_is_not_worth_a_place_in_the_queue() -> None:
    between = Corridor(1000, 2000, 9000, 1)
    assert not worth_changing(1500, 1500, between)
    assert not worth_changing(1500, 1510, between)
    assert worth_changing(1500, 1515, between)
    assert worth_changing(1001, 1000, between)
    assert worth_changing(1999, 2000, between)
    assert worth_changing(998, 1001, between)
