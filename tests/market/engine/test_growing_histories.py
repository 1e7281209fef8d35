"""Random histories of a guest that grows, shrinks, runs, fails and is bought again, or is released: no money is lost,
and no escrow and no bond stays behind."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from billing.tables import ledger_account
from market.contract_states import CONTRACT_STATES
from tests.market.engine.growing import MINUTES, Growing
from tests.market.factories import World, order

_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("rescale"), st.integers(1, 9)),
        st.tuples(st.just("rescale"), st.integers(2, 8)),
        st.tuples(st.just("deliver"), st.integers(1, 12)),
        st.tuples(st.sampled_from(("fail", "release", "bust")), st.none()),
    ),
    min_size=4,
    max_size=12,
)


def take(growing: Growing, step: str, given_: Any) -> None:
    """What is refused, because the guest is gone or its slices are not for sale, changes nothing."""
    over = CONTRACT_STATES.is_terminal(growing.rows[0]["state"])
    if step == "rescale":
        growing.rescale(given_)
    elif step == "deliver":
        growing.deliver(given_)
    elif not over and step == "fail":
        growing.tell("failed")
        growing.end("fail")
    elif not over:
        growing.end(step, growing.buyer if step == "release" else None)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS)
def test_nothing_is_lost_and_nothing_stays_behind(world: World, steps: list[tuple[str, Any]]) -> None:
    """The histories follow each other in one market, each with what the one before has left on the book."""
    growing = Growing(world, replace_on_failure=True)
    other = world.provider()
    until = world.minute + 2 * MINUTES
    spare = world.ask(other, world.node(other), price_micros=160, available_until=until)
    order(growing.engine.process([spare]))
    for step, what in steps:
        take(growing, step, what)
        mains = [row for row in growing.rows if row["grows"] is None]
        live = {row["id"] for row in mains if not CONTRACT_STATES.is_terminal(row["state"])}
        running = [row for row in growing.rows if row["grows"] and not CONTRACT_STATES.is_terminal(row["state"])]
        assert {row["grows"] for row in running} <= live
    world.real.pass_minutes(MINUTES)
    growing.close()
    with world.begin() as connection:
        bound = ledger_account.c.kind.in_(("escrow", "bond"))
        held = connection.execute(select(func.sum(ledger_account.c.balance_micros)).where(bound)).scalar_one()
    assert held == 0
