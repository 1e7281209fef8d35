"""Random chains of resales, with every way to end: nothing is lost, every account is exact, books and audit agree."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.settlement import settle
from market.engine.commands import CancelAll, EndContract
from nestex.books import first_difference
from tests.market.engine.resold import CASH, Resold
from tests.market.factories import World

Step = tuple[str, int, int]
"""What happens, and two numbers for how."""

STEPS = st.lists(
    st.tuples(
        st.sampled_from([*["resell"] * 7, *["pass"] * 4, "ready", "release", "release", "fail", "bust", "reclaim"]),
        st.integers(0, 20),
        st.integers(0, 300),
    ),
    min_size=6,
    max_size=16,
)
LAST = ([("resell", 0, 101), ("fail", 0, 100)], [("resell", 5, 181), ("resell", 9, 150), ("fail", 1, 301)])


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS, st.sampled_from((*LAST, [])))
def test_any_chain_ends_with_nothing_held_and_every_account_exact(
    world: World, steps: list[Step], last: list[Step]
) -> None:
    deal = Resold(world)
    other = world.provider(CASH)
    for name, number, price in steps + last:
        _take(deal, other, name, number, price)
        assert first_difference(world.database) is None
    for trader in (*deal.traders, other):
        deal.engine.process([CancelAll(trader)])
    deal.close()
    owners = (deal.provider, *deal.traders, other)
    kept = sum(sum(deal.balances(owner).values()) for owner in owners)
    assert kept <= CASH * len(owners), "the rest is the market's: fees, taxes and its reserve"


def _take(deal: Resold, other: str, name: str, number: int, price: int) -> None:
    """What the market refuses is refused. There is another provider's node wherever something fails."""
    rows = deal.rows()
    last = next((row for row in reversed(rows) if row["state"] not in _OVER), rows[-1])
    match name:
        case "pass":
            deal.pass_minutes(min(number, deal.end - deal.world.minute))
            with deal.world.begin() as connection:
                settle(connection, deal.world.real.micros)
        case "ready":
            deal.tell(last["id"], "ready")
        case "resell":
            _resell(deal, last, number, price)
        case "release":
            if last["resold_from"] is not None:  # the first one's release would be the end of the story
                deal.finish(last["id"], "release", last["buyer_id"])
        case "reclaim":
            deal.finish(deal.first, "reclaim", deal.provider)
        case "bust":
            deal.finish(rows[-1 - number % len(rows)]["id"], "bust")
        case _:
            if deal.world.minute + 1 < deal.end:
                deal.spare(1 + price // 3, other)
            deal.tell(rows[number % len(rows)]["id"], "failed")
            deal.engine.process([EndContract(row["id"], "fail") for row in rows if price % 3])


_OVER = ("resold", "completed", "released", "reclaimed", "failed", "busted")


def _resell(deal: Resold, row: dict[str, Any], ahead: int, price: int) -> None:
    buyers = [trader for trader in (*deal.traders, deal.provider) if trader != row["buyer_id"]]
    begins = max(deal.world.minute + 1 + ahead, row["start_minute"])
    if begins < deal.end:
        again = price % 4 > 0
        bid = deal.bid(buyers[price % len(buyers)], deal.end - begins, replace_on_failure=again)
        deal.engine.process([deal.offer(row["buyer_id"], row["id"], price + 1), bid])
