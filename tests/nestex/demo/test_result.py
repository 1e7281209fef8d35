from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nestex.demo.outcomes import Reclaim, Replacing, Resale, Reselling
from nestex.demo.result import DemoGuest, DemoResult, off

GOOD = DemoResult(
    elapsed_seconds=50.0,
    orders=40,
    orders_by_itself=3,
    trades=19,
    contracts={"completed": 19, "released": 1, "failed": 1, "reclaimed": 1},
    guests_started=21,
    minutes_billed=46,
    gross_micros=506_000,
    fee_micros=25_300,
    documents=[
        {"number": "INV-1", "kind": "invoice", "total": "0.17"},
        {"number": "SBI-1", "kind": "self_billed_invoice", "total": "0.25"},
    ],
    books_check="ok",
    audit="ok",
    faults=[{"fault": "agent killed", "target": "rhone-1"}],
    asked_again=1,
    guests=[DemoGuest("con_1", "build", "rhone-1", "completed", None, 0.02)],
    reseller=Reselling("alster-1", 12, 1_120_000, 1_716_000, 652_680, 125_000, 402_000),
    resales=[Resale("con_5", "outlook", "con_6", "dailies", 8, 5988, 3500)],
    reclaims=[Reclaim("con_2", "scratch", 6_600)],
    replacements=[Replacing("con_3", "premiere", "con_4", 0)],
)


def test_nothing_is_off_in_a_good_story() -> None:
    assert off(GOOD, placed=40) == []


@pytest.mark.parametrize(
    "change",
    [
        {"books_check": "balances: x"},
        {"audit": "orders: x"},
        {"orders": 39},
        {"contracts": {"completed": 5, "released": 1, "failed": 1, "reclaimed": 1}, "guests_started": 7},
        {"contracts": {"completed": 18, "released": 2, "failed": 1, "reclaimed": 1}},
        {"contracts": {"completed": 19, "running": 1, "failed": 1, "reclaimed": 1}},
        {"contracts": {"completed": 20, "released": 1, "failed": 1}},
        {"guests_started": 20},
        {"minutes_billed": 0},
        {"fee_micros": 0},
        {"documents": GOOD.documents[:1]},
        {"documents": GOOD.documents[1:]},
        {"reseller": replace(GOOD.reseller, contracts=11)},
        {"reseller": replace(GOOD.reseller, earned_micros=0)},
        {"reseller": replace(GOOD.reseller, utilisation_after_ppm=125_000)},
        {"resales": []},
        {"reclaims": [Reclaim("con_2", "scratch", 0)]},
        {"replacements": [Replacing("con_3", "premiere", None, 0)]},
    ],
)
def test_everything_that_is_off_is_told_on_its_own(change: dict[str, Any]) -> None:
    assert len(off(replace(GOOD, **change), placed=40)) == 1
