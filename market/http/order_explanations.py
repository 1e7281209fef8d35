"""Why an order does not trade, as the interface tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from common.minutes import minute_text
from common.price import Price
from market.http.fields import HourlyText
from market.http.order_answers import OrderState
from matching.events import REASONS

Change = Literal["price", "start_by", "duration_minutes", "slices_per_guest", "conditions", "min_minutes"]


class Variant(BaseModel):
    """The order with one thing changed, and what it would trade at once."""

    change: Change
    value: str | None = Field(description="what to change it to; null for conditions: take them away")
    guests: int = Field(description="guests that would trade")
    slice_minutes: int = Field(description="slice-minutes that would trade")
    price: HourlyText = Field(description="average price of these, rounded up")


class Explanation(BaseModel):
    """How an order stands, and what would make an open one trade."""

    state: OrderState
    reason: str | None
    explanation: str
    variants: list[Variant]


def explanation_model(row: Mapping[Any, Any], variants: Sequence[Mapping[str, Any]] | None) -> Explanation:
    """The order's row and its variants, None where it is not open."""
    return Explanation(
        state=row["state"],
        reason=row["reason"],
        explanation=_sentence(row, variants),
        variants=[_variant(variant) for variant in variants or ()],
    )


def _sentence(row: Mapping[Any, Any], variants: Sequence[Mapping[str, Any]] | None) -> str:
    if row["reason"] is not None:
        return REASONS[row["reason"]].sentence
    if variants is None:
        return "It is no longer open."
    other = "offer" if row["side"] == "bid" else "bid"
    if not variants:
        return f"No {other} fits it, and none would with one thing changed. It rests until one comes."
    return f"No {other} fits it as it is. Each of these changes would make it trade now."


def _variant(variant: Mapping[str, Any]) -> Variant:
    return Variant(
        change=variant["change"],
        value=_value(variant["change"], variant["value"]),
        guests=variant["guests"],
        slice_minutes=variant["slice_minutes"],
        price=Price(variant["price_micros"]).hourly(),
    )


def _value(change: str, value: int | None) -> str | None:
    if value is None:
        return None
    if change == "price":
        return Price(value).hourly()
    return minute_text(value) if change == "start_by" else str(value)
