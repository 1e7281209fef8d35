"""Field types that requests and answers share, each with the text that explains its unit."""

from __future__ import annotations

import re
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

T = TypeVar("T")

_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,18}")


class Request(BaseModel):
    """A request body: unknown fields and values of another type are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @field_validator("*", mode="after")
    @classmethod
    def _no_nul(cls, value: Any) -> Any:
        """PostgreSQL cannot hold the character NUL."""
        texts = value if isinstance(value, list) else [value]
        if any(isinstance(text, str) and "\x00" in text for text in texts):
            raise ValueError("must not contain the character NUL")
        return value


PriceText = Annotated[
    str,
    Field(
        pattern=r"^(0|[1-9][0-9]{0,6})(\.[0-9]{1,6})?$",
        max_length=14,
        description="currency per slice-hour, a decimal string; a whole number of the instrument's ticks",
        examples=["0.012000"],
    ),
]
AmountText = Annotated[
    str,
    Field(
        pattern=r"^(0|[1-9][0-9]{0,9})(\.[0-9]{1,6})?$",
        max_length=17,
        description="an amount of the settlement currency, a decimal string with up to six decimals",
        examples=["100.00"],
    ),
]
MoneyText = Annotated[str, Field(description="settlement currency, six decimals", examples=["12.500000"])]
HourlyText = Annotated[str, Field(description="currency per slice-hour, six decimals", examples=["0.012000"])]
InstantText = Annotated[
    str,
    Field(
        max_length=40,
        description="RFC 3339, a whole UTC minute of market time",
        examples=["2026-11-30T23:15:00Z"],
        json_schema_extra={"format": "date-time"},
    ),
]
KeyText = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9._:/-]+$")]
Name = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")]
Label = Annotated[
    str,
    Field(
        max_length=63,
        pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
        description="lower-case letters, digits and dashes",
        examples=["fra1"],
    ),
]
Rate = Annotated[int, Field(ge=0, le=1_000_000, description="parts per million", examples=[50_000])]


def _whole_number(value: Any) -> Any:
    """A number in an address is written in plain digits: no sign in front, no blanks, no underscores, no point."""
    if isinstance(value, str) and not _WHOLE.fullmatch(value):
        raise ValueError("must be a whole number in plain digits")
    return value


def _true_or_false(value: Any) -> Any:
    if isinstance(value, str) and value not in ("true", "false"):
        raise ValueError("must be true or false")
    return value


WholeNumber = BeforeValidator(_whole_number)
TrueOrFalse = BeforeValidator(_true_or_false)
After = Annotated[str, Query(max_length=80, description="the `next` of the page before; none for the first page")]
Limit = Annotated[int, Query(ge=1, le=500, description="how many items at most"), WholeNumber]


class Page(BaseModel, Generic[T]):
    """A part of a list. `next` is the cursor of the following part, null at the end."""

    items: list[T]
    next: str | None = None


def next_cursor(cursors: list[str], limit: int) -> str | None:
    """The cursor behind the last of these items, if there may be more."""
    return cursors[-1] if len(cursors) == limit else None
