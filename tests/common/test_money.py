from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import InvalidInput
from common.money import LARGEST_MICROS, Money, cents_half_up, share_floor

micros = st.integers(-LARGEST_MICROS, LARGEST_MICROS)


@given(micros)
def test_printed_money_reads_back_as_itself(amount: int) -> None:
    assert Money.parse(str(Money(amount))) == Money(amount)


@given(micros, micros)
def test_sums_and_differences_undo_each_other(first: int, second: int) -> None:
    assert Money(first) + Money(second) - Money(second) == Money(first)


@given(st.integers(-(10**15), 10**15))
def test_cents_are_rounded_half_away_from_zero(amount: int) -> None:
    expected = (Decimal(amount) / 10_000).quantize(Decimal(1), ROUND_HALF_UP)
    assert cents_half_up(amount) == int(expected)


@given(st.integers(0, 10**18), st.integers(0, 1_000_000))
def test_a_share_and_the_share_of_the_rest_never_exceed_the_whole(amount: int, rate: int) -> None:
    assert 0 <= share_floor(amount, rate) <= amount
    assert share_floor(amount, rate) + share_floor(amount, 1_000_000 - rate) in (amount, amount - 1)


@pytest.mark.parametrize(
    "text",
    ["", "1e3", "+1", "1.", ".5", "01", "1,5", "NaN", "Infinity", "\uff11", "1.0000001", " 1", "1\n", "12345678901234"],
)
def test_what_is_no_plain_amount_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Money.parse(text, field="amount")
    assert refused.value.field == "amount"
