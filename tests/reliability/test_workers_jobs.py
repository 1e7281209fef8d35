"""The worker dies in the middle of what it does by itself: dead-man timers, failed contracts, resellers' turns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from common.minutes import minute_text
from nestex.local import resize_agent
from tests.reliability.founding import CAPACITY, offer
from tests.reliability.town import CODE, NODE, Town

LESS_THAN_A_SLICE = (8, 1024, 80)
FAR_MINUTES = 10_000
RESELLER = {"instruments": [CODE], "cost_per_hour": "1", "strategy": "fixed"}


@pytest.mark.parametrize("point", ["timer.claimed", "timer.canceled"])
def test_a_dead_man_timer_cancels_although_its_worker_dies(town: Town, point: str) -> None:
    buyer = town.buyer
    resting = [_resting_bid(town) for _ in range(2)]
    town.arm(point)
    buyer.post("/v1/orders/cancel-after", {"seconds": 1})
    town.until(lambda: town.fault_happened, f"the fault at {point}")
    town.answered(lambda: _let_the_claim_run_out(town))
    town.until(lambda: buyer.get("/v1/orders/cancel-after")["cancels_at"] is None, "the end of the timer")
    assert [_state(town, order) for order in resting] == ["canceled", "canceled"]
    later = _resting_bid(town)
    town.wait(2.0)
    assert _state(town, later) == "new", "a timer that is over cancels nothing more"
    buyer.delete(f"/v1/orders/{later}")
    town.check_history()


@pytest.mark.parametrize("point", ["failure.found", "failure.ended"])
def test_a_failed_contract_is_ended_once_although_the_worker_dies(town: Town, small_agent: None, point: str) -> None:
    town.arm(point)
    name = town.buy()
    town.until(lambda: town.fault_happened, f"the fault at {point}")
    town.until(lambda: {row["state"] for row in town.contracts(name)} == {"failed"}, "the failure of both guests")
    town.until(lambda: {row["book_state"] for row in town.contracts(name)} == {"closed"}, "its end in the books")
    assert town.domains() == []
    town.check_history()


@pytest.mark.parametrize("point", ["reseller.noted", "reseller.answered"])
def test_a_reseller_offers_a_node_once_although_the_worker_dies(town: Town, no_ask: None, point: str) -> None:
    town.arm(point)
    path = f"/v1/nodes/{town.node}/reseller"
    town.provider.put(path, RESELLER)
    town.until(lambda: town.fault_happened, f"the fault at {point}")
    [ask] = town.until(lambda: _asks(town), "the reseller's offer")
    assert ask["slices"] == 8
    town.check_story(town.buy(ahead=10))
    assert [each["id"] for each in _asks(town)] == [ask["id"]], "one offer, and the same all the time"
    town.provider.delete(path)
    town.until(lambda: town.provider.get(path)["state"] == "off" and not _asks(town), "its offer's end")
    town.check_history()


@pytest.fixture
def small_agent(town: Town) -> Iterator[None]:
    """The node has come back with room for no guest."""
    resize_agent(town.market, NODE, LESS_THAN_A_SLICE)
    yield
    resize_agent(town.market, NODE, CAPACITY)


@pytest.fixture
def no_ask(town: Town) -> Iterator[None]:
    """The node is not for sale; afterwards it is again."""
    for ask in _asks(town):
        town.provider.delete(f"/v1/orders/{ask['id']}")
    yield
    offer(town)


def _resting_bid(town: Town) -> str:
    """The id of a bid below every ask, for a start that is far away."""
    start = town.next_minute() + FAR_MINUTES
    body = {"side": "bid", "instrument": CODE, "price": "0.06", "guests": 1, "duration_minutes": 60}
    body |= {"start_from": minute_text(start), "start_by": minute_text(start), "client_order_id": town.new_name("bid")}
    placed: str = town.buyer.post("/v1/orders", body)["id"]
    return placed


def _let_the_claim_run_out(town: Town) -> None:
    """The dead worker's, in half a minute: the database's clock cannot be moved, but the claim can."""
    with town.database.begin() as connection:
        connection.execute(text("UPDATE cancel_timer SET claimed_until = claimed_until - interval '30 seconds'"))


def _state(town: Town, order: str) -> str:
    told: str = town.buyer.get(f"/v1/orders/{order}")["state"]
    return told


def _asks(town: Town) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = town.provider.get("/v1/orders", open="true")["items"]
    return told
