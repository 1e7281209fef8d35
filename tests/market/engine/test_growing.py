"""A guest that gets more slices on its node until its end, and gives them back: money, capacity, the agent's orders."""

from __future__ import annotations

from typing import Any

import pytest

from common.wire import GuestSpec
from market.contracts import change_guest
from market.contracts.command_guest import command_guest
from market.contracts.end_contract import failing_contracts
from market.nodes.liveness import live_revisions
from tests.market.engine.growing import MINUTES, Growing
from tests.market.factories import World, code, order


@pytest.fixture
def growing(world: World) -> Growing:
    return Growing(world)


def test_a_guest_grows_by_a_contract_of_its_own_price_that_the_same_guest_delivers(growing: Growing) -> None:
    growing.tell("ready")
    growing.deliver(10)
    assert growing.rescale(5)[0].problem is None
    main, more = growing.rows
    assert (more["grows"], more["slices"], more["node_id"]) == (main["id"], 3, growing.node)
    assert (more["start_minute"], more["end_minute"]) == (growing.world.minute + 1, main["end_minute"])
    assert (more["state"], more["price_micros"]) == ("running", 150)
    told = growing.told()
    assert (told.contract, told.guest.vcpus, told.guest.memory_mib, told.guest.disk_gib) == (main["id"], 5, 10_240, 20)
    with growing.world.begin() as connection:
        assert live_revisions(connection, growing.node) == {main["id"]: 2}
    growing.check()
    growing.deliver(11)
    assert growing.billed() == [20, 10], "ten minutes of both; the one in which it grew is not of the new contract"
    growing.close()


def test_asking_again_changes_nothing_and_what_is_refused_neither(growing: Growing) -> None:
    growing.rescale(4)
    before = growing.rows
    assert growing.rescale(4)[0].problem is None
    assert code(growing.rescale(9)) == "not_on_offer"
    assert code(growing.rescale(5, 149)) == "not_on_offer"
    assert code(growing.rescale(5, None)) == "missing_field"
    assert code(growing.rescale(5, participant=growing.provider)) == "not_your_side"
    assert code(growing.rescale(5, contract=before[1]["id"])) == "state_forbids"
    assert code(growing.rescale(1)) == "beyond_the_slices"
    assert growing.rows == before
    growing.check()


def test_a_guest_gives_whole_contracts_back_newest_first(growing: Growing) -> None:
    growing.tell("ready")
    for slices in (3, 5, 8):
        growing.rescale(slices)
    assert code(growing.rescale(4)) == "beyond_the_slices"
    growing.deliver(5)
    growing.rescale(3)
    assert [row["state"] for row in growing.rows] == ["running", "running", "released", "released"]
    assert (growing.told().guest.vcpus, growing.told().guest.memory_mib) == (3, 6144)
    growing.check()
    growing.deliver(5)
    assert growing.billed() == [9, 9, 5, 5]
    growing.close()


def test_a_disk_that_has_grown_keeps_its_slices(growing: Growing) -> None:
    growing.rescale(4)
    change = change_guest.rescale(disk_gib=35)
    with growing.world.begin() as connection:
        command_guest(connection, growing.buyer, growing.main, change, growing.world.real.micros)
    assert code(growing.rescale(2)) == "beyond_the_slices"
    growing.check()


@pytest.mark.parametrize("ending", ["release", "bust", "fail"])
def test_what_made_a_guest_larger_ends_with_it(growing: Growing, ending: str) -> None:
    growing.tell("ready")
    growing.rescale(5)
    growing.rescale(6)
    growing.deliver(10)
    others = [row["id"] for row in growing.rows[1:]]
    if ending == "fail":
        growing.tell("failed")
        with growing.world.begin() as connection:
            assert [failing.contract for failing in failing_contracts(connection, 10)] == [growing.main]
        growing.check()
    else:
        party = growing.buyer if ending == "release" else None
        assert code(growing.end(ending, party, others[0])) == "state_forbids"
    [answer] = growing.end(ending, growing.buyer if ending == "release" else None)
    assert answer.ended is not None
    ended = {"release": "released", "bust": "busted", "fail": "failed"}[ending]
    assert {row["state"] for row in growing.rows} == {ended}
    growing.check()
    free: dict[str, Any] = {"available_from": growing.world.minute + 2, "available_until": growing.start + MINUTES}
    order(growing.engine.process([growing.world.ask(growing.provider, growing.node, slices=6, **free)]))
    growing.close()


def test_what_its_buyer_has_made_smaller_stays_smaller(growing: Growing) -> None:
    with growing.world.begin() as connection:
        change = change_guest.rescale(vcpus=1)
        command_guest(connection, growing.buyer, growing.main, change, growing.world.real.micros)
    growing.rescale(4)
    assert growing.told().guest.vcpus == 3
    growing.rescale(2)
    spec = growing.told().guest
    assert (spec.vcpus, spec.memory_mib) == (2, 4096)
    assert isinstance(spec, GuestSpec)
    growing.check()
