"""Random histories of guests that fail, are bought again, fail again, or are released: no money is lost, and no escrow
and no bond stays behind."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from billing import completion, metering
from billing.settlement import settle
from billing.tables import ledger_account
from common.wire import GuestMinute, UsageReport
from market.contract_states import CONTRACT_STATES
from market.engine.commands import EndContract
from tests.market.engine.deal import GRACE, MINUTES, SLICES, Deal
from tests.market.factories import World, order

_OFFERS = st.tuples(st.integers(130, 180), st.sampled_from((SLICES, SLICES, 1)), st.integers(5, 2 * MINUTES))
_FITTING = st.lists(st.tuples(st.integers(130, 175), st.just(SLICES), st.just(2 * MINUTES)), min_size=1, max_size=3)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("offer"), _OFFERS),
        st.tuples(st.just("deliver"), st.lists(st.sampled_from((60, 60, 30, 0)), min_size=1, max_size=15)),
        st.tuples(st.just("fail"), st.none()),
        st.tuples(st.just("fail"), st.none()),
        st.tuples(st.sampled_from(("fail", "release", "bust")), st.none()),
    ),
    min_size=3,
    max_size=10,
)


class Story:
    """What becomes of a bid that asks for replacements."""

    def __init__(self, world: World) -> None:
        self.deal = Deal(world, replace_on_failure=True)
        self.world = world
        self.sequences: dict[str, int] = {}

    @property
    def current(self) -> dict[str, Any] | None:
        """The contract that still runs."""
        row = self.deal.rows[-1]
        return None if CONTRACT_STATES.is_terminal(row["state"]) else row

    def take(self, step: str, given: Any) -> None:
        row = self.current
        if step == "offer":
            self._offer(*given)
        elif step == "deliver":
            self._deliver(row, given)
        elif row is not None and step == "fail":
            self.deal.fail_next(row)
        elif row is not None and self.world.minute < row["end_minute"] - 1:
            party = self.deal.buyer if step == "release" else None
            [ended] = self.deal.engine.process([EndContract(row["id"], step, party)])  # type: ignore[arg-type]  # one of three
            assert ended.problem is None

    def _offer(self, price_micros: int, slices: int, minutes: int) -> None:
        seller = self.world.provider()
        until = self.world.minute + 1 + minutes
        node = self.world.node(seller)
        ask = self.world.ask(seller, node, price_micros=price_micros, slices=slices, available_until=until)
        order(self.deal.engine.process([ask]))

    def _deliver(self, row: dict[str, Any] | None, seconds: list[int]) -> None:
        """These seconds of the minutes that come; of those that are not in its window, nothing counts."""
        for counted in seconds:
            self.world.real.pass_minutes(1)
            if row is not None:
                node, minute = row["node_id"], self.world.minute - 1
                self.sequences[node] = self.sequences.get(node, 0) + 1
                guests = (GuestMinute(row["id"], counted, epoch=1),)
                with self.world.begin() as connection:
                    metering.record(
                        connection, self.world.minute, [UsageReport(node, self.sequences[node], minute, guests)]
                    )
                    settle(connection, self.world.real.micros)

    def close(self) -> None:
        self.world.real.pass_minutes(2 * MINUTES + GRACE)
        with self.world.begin() as connection:
            completion.complete(connection, self.world.minute, self.world.real.micros, GRACE, 100)
            bound = ledger_account.c.kind.in_(("escrow", "bond"))
            held = connection.execute(select(func.sum(ledger_account.c.balance_micros)).where(bound)).scalar_one()
        assert held == 0
        self.deal.check()


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(offers=_FITTING, steps=_STEPS)
def test_nothing_is_lost_and_nothing_stays_behind(
    world: World, offers: list[tuple[int, int, int]], steps: list[tuple[str, Any]]
) -> None:
    """The histories follow each other in one market: what one leaves on the book is there for the next."""
    story = Story(world)
    for step, what in [*(("offer", offer) for offer in offers), *steps]:
        story.take(step, what)
    story.close()
