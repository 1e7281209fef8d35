"""The worker dies in the middle of a month's close: the month is closed once, with every document once."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from common.minutes import MICROS_PER_MINUTE, month_window
from tests.reliability.founding import running_town

MONTH = "2026-11"
BEFORE_MIDNIGHT = 25


def test_a_close_that_is_cut_short_happens_once(data_path: Path, patient_children: pytest.MonkeyPatch) -> None:
    end = month_window(MONTH).end
    with running_town(data_path, market_micros=(end - BEFORE_MIDNIGHT) * MICROS_PER_MINUTE) as town:
        name = town.buy()
        town.check_story(name)
        town.arm("period.posted")
        town.until(lambda: town.fault_happened, "the month's end")

        def closed() -> bool:
            with town.database.begin() as connection:
                query = "SELECT count(*) FROM billing_period WHERE month = :month AND state = 'closed'"
                return bool(connection.execute(text(query), {"month": MONTH}).scalar_one())

        town.until(closed, "the close of the month")
        with town.database.begin() as connection:
            kinds = connection.execute(text("SELECT kind FROM document ORDER BY kind")).scalars().all()
        assert kinds == ["invoice", "self_billed_invoice"]
        town.check_books()
