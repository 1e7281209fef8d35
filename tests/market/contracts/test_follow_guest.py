from __future__ import annotations

from typing import Any

from sqlalchemy import select

from common import codec
from common.wire import Allocation, Endpoint, GuestState, GuestStatus
from market.contract_states import CONTRACT_FEED
from market.contracts.follow_guest import follow_guest
from market.tables import contract
from runtime import feed, outbox
from tests.market.factories import World, contract_of


def tell(world: World, row: dict[str, Any], state: GuestState, at_ms: int, **fields: Any) -> dict[str, Any]:
    """The contract's row after a status."""
    given = {"node": row["node_id"], "contract": row["id"], "revision": 1} | fields
    with world.begin() as connection:
        follow_guest(connection, GuestStatus(state=state, at_ms=at_ms, **given), world.real.micros)
        return dict(connection.execute(select(contract).where(contract.c.id == row["id"])).mappings().one())


def test_a_contract_runs_when_its_guest_is_ready(world: World) -> None:
    row = contract_of(world)
    at = world.real.micros // 1000
    states: tuple[GuestState, ...] = ("accepted", "preparing", "starting", "running", "ready")
    assert [tell(world, row, state, at + step)["state"] for step, state in enumerate(states)] == [
        "scheduled", "scheduled", "provisioning", "provisioning", "running"
    ]  # fmt: skip
    reached = tell(world, row, "ready", at + 9, endpoints=(Endpoint("ssh", "192.0.2.1", 2201),), applied=1)
    assert reached["ready_at_micros"] == (at + 4) * 1000
    assert reached["endpoints"] == [{"service": "ssh", "address": "192.0.2.1", "port": 2201}]
    assert reached["applied_revision"] == 1
    with world.begin() as connection:
        events = feed.read(connection, CONTRACT_FEED, 0, 10)
    assert [event.payload["state"] for _, event in events] == ["provisioning", "running"]


def test_a_guest_that_its_buyer_stopped_before_it_ever_ran_is_delivered_all_the_same(world: World) -> None:
    row = contract_of(world)
    at = world.real.micros // 1000
    with world.begin() as connection:
        connection.execute(contract.update().values(want="stopped", revision=2))
    tell(world, row, "stopping", at)
    stopped = tell(world, row, "stopped", at + 1, applied=2)
    assert (stopped["state"], stopped["ready_at_micros"], stopped["applied_revision"]) == (
        "stopped",
        (at + 1) * 1000,
        2,
    )


def test_a_status_that_comes_late_changes_nothing(world: World) -> None:
    row = contract_of(world)
    at = world.real.micros // 1000
    tell(world, row, "ready", at + 5)
    assert tell(world, row, "starting", at + 1)["state"] == "running"


def test_what_comes_again_after_a_removal_of_the_same_instant_changes_nothing(world: World) -> None:
    """A guest that goes at once is told of twice within a millisecond, and the bus delivers again in another order."""
    row = contract_of(world)
    at = world.real.micros // 1000
    tell(world, row, "removed", at)
    assert tell(world, row, "stopping", at)["guest_state"] == "removed"
    assert tell(world, row, "preparing", at + 1)["guest_state"] == "preparing"


def test_another_node_cannot_speak_for_a_contract(world: World) -> None:
    row = contract_of(world)
    assert tell(world, row, "ready", world.real.micros // 1000, node="nod_other")["state"] == "scheduled"


def test_a_guest_that_failed_for_good_ends_its_contract_and_its_agents_wish(world: World) -> None:
    row = contract_of(world)
    world.real.pass_minutes(3)
    failed = tell(world, row, "failed", world.real.micros // 1000, reason="no such image")
    assert (failed["state"], failed["reason"], failed["want"]) == ("failed", "no such image", "gone")
    assert failed["revision"] == 2
    with world.begin() as connection:
        sent = [codec.decode(Allocation, bytes(message.payload)) for message in outbox.unpublished(connection, 10)]
    assert [(message.revision, message.want) for message in sent] == [(1, "run"), (2, "gone")]
    assert tell(world, row, "ready", world.real.micros // 1000 + 1)["state"] == "failed"


def test_a_failure_is_never_lost_however_late_it_comes(world: World) -> None:
    row = contract_of(world)
    at = world.real.micros // 1000
    tell(world, row, "removed", at + 2)
    late = tell(world, row, "failed", at + 1, reason="no such image")
    assert late["state"] == "failed"
    assert late["guest_state_at_ms"] == at + 2
