from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nestex.demo.result import DemoResult, faults

GOOD = DemoResult(
    elapsed_seconds=50.0,
    orders=10,
    trades=6,
    contracts={"completed": 7},
    guests_started=7,
    minutes_billed=46,
    gross_micros=506_000,
    fee_micros=25_300,
    documents=[
        {"number": "INV-1", "kind": "invoice", "total": "0.17"},
        {"number": "SBI-1", "kind": "self_billed_invoice", "total": "0.25"},
    ],
    books_check="ok",
)


def test_a_good_story_has_no_faults() -> None:
    assert faults(GOOD, placed=10) == []


@pytest.mark.parametrize(
    "change",
    [
        {"books_check": "balances: x"},
        {"orders": 9},
        {"contracts": {"completed": 5}, "guests_started": 5},
        {"contracts": {"completed": 6, "failed": 1}},
        {"guests_started": 6},
        {"minutes_billed": 0},
        {"fee_micros": 0},
        {"documents": GOOD.documents[:1]},
        {"documents": GOOD.documents[1:]},
    ],
)
def test_everything_that_is_off_is_a_fault_of_its_own(change: dict[str, Any]) -> None:
    assert len(faults(replace(GOOD, **change), placed=10)) == 1
