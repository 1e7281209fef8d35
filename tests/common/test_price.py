from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import InvalidInput
from common.price import Price


@given(st.integers(1, 10**9))
def test_a_printed_price_reads_back_as_itself(micros: int) -> None:
    assert Price.parse_hourly(Price(micros).hourly()) == Price(micros)


@given(st.integers(1, 10**6), st.integers(0, 10**5), st.integers(0, 10**5))
def test_the_amount_is_additive_in_slice_minutes(micros: int, first: int, second: int) -> None:
    price = Price(micros)
    assert price.amount(first) + price.amount(second) == price.amount(first + second)


def test_the_smallest_tick_is_sixty_millionths_an_hour() -> None:
    assert Price(1).hourly() == "0.000060"
    assert Price.parse_hourly("0.00006") == Price(1)


@pytest.mark.parametrize(("text", "tick"), [("0.000061", 1), ("0.00018", 2), ("0.01", 7)])
def test_a_price_between_two_ticks_names_the_tick(text: str, tick: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        Price.parse_hourly(text, tick_micros=tick)
    assert refused.value.code == "off_tick"
    assert refused.value.limit == Price(tick).hourly()


@pytest.mark.parametrize("text", ["0", "0.000000", "-1", "-0.00006"])
def test_a_price_is_above_zero(text: str) -> None:
    with pytest.raises(InvalidInput):
        Price.parse_hourly(text)
