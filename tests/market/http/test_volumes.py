"""Volumes as contracts of their own, over HTTP: how they are bid for, who can have them, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from common import codec
from common.wire import Allocation, Capacity, GuestSpec, Heartbeat
from market.nodes.liveness import asks_to_withdraw, record_heartbeat
from runtime import outbox
from tests.market.factories import ZONE, World
from tests.market.http.bodies import ask, bid
from tests.market.http.conftest import Http, joined, online_node
from tests.market.nodes.test_liveness import now

BLOCK = f"{ZONE}.block.firm"
TEMPLATE = {"name": "data", "filesystem": "ext4"}

BAD_BIDS: list[tuple[dict[str, Any], str, str]] = [
    ({"instrument": BLOCK}, "missing_field", "volume"),
    ({"instrument": BLOCK, "guest": {"name": "web"}}, "missing_field", "volume"),
    ({"volume": TEMPLATE}, "missing_field", "guest"),
    ({"instrument": BLOCK, "volume": TEMPLATE, "guest": {"name": "web"}}, "invalid_field", "guest"),
    ({"instrument": BLOCK, "volume": {"filesystem": "ext4"}}, "missing_field", "volume.name"),
    ({"instrument": BLOCK, "volume": TEMPLATE | {"image": "default"}}, "unknown_field", "volume.image"),
    ({"instrument": BLOCK, "volume": TEMPLATE | {"filesystem": "ntfs"}}, "invalid_field", "volume.filesystem"),
]


@pytest.fixture
def block(operator: Http, provider: Http, node_id: str) -> str:
    """The instrument of volumes, with an offer of twenty GiB, beside one of two slices for guests."""
    operator.post("/v1/instruments", {"zone": ZONE, "slice_class": "block", "firmness": "firm"})
    for body in (ask(node_id, slices=2), ask(node_id, instrument=BLOCK, slices=3)):
        answer = provider.post("/v1/orders", body)
        assert answer.status_code == 201, answer.text
    return BLOCK


def _bought(buyer: Http, **fields: Any) -> str:
    """The address of the contract that the bid makes."""
    before = _ids(buyer)
    answer = buyer.post("/v1/orders", bid(**fields))
    assert answer.json()["state"] == "filled", answer.text
    [made] = _ids(buyer) - before
    return f"/v1/contracts/{made}"


def _ids(buyer: Http) -> set[str]:
    return {each["id"] for each in buyer.get("/v1/contracts").json()["items"]}


def _sent(world: World) -> Allocation:
    with world.begin() as connection:
        return codec.decode(Allocation, bytes(outbox.unpublished(connection, 100)[-1].payload))


def _id(address: str) -> dict[str, str]:
    return {"guest": address.rpartition("/")[2]}


def _code(answer: Any) -> tuple[int, str, str]:
    return answer.status_code, answer.json()["code"], answer.json()["field"]


def test_a_bid_for_volumes_names_them_and_nothing_of_a_guest(buyer: Http, block: str, world: World) -> None:
    for fields, code, field in BAD_BIDS:
        assert _code(buyer.post("/v1/orders", bid(**fields))) == (422, code, field)
    preview = buyer.post("/v1/orders/preview", bid(instrument=block, volume=TEMPLATE)).json()
    assert (preview["order"]["guest"], preview["order"]["volume"]) == (None, TEMPLATE)
    assert buyer.post("/v1/orders", preview["order"] | {"slices_per_guest": 2}).json()["state"] == "filled"
    [made] = buyer.get("/v1/contracts", params={"kind": "volume"}).json()["items"]
    assert (made["kind"], made["guest_name"], made["slices"], made["attached_to"]) == ("volume", "data", 2, None)
    assert buyer.get("/v1/contracts", params={"kind": "guest"}).json()["items"] == []
    told = _sent(world)
    assert (told.kind, told.guest) == ("volume", GuestSpec("data", 0, 0, 20, "", filesystem="ext4"))


def test_storage_is_not_sold_of_a_node_whose_agent_does_not_know_volumes(
    operator: Http, provider: Http, buyer: Http, block: str, node_id: str, world: World
) -> None:
    """Its agent is found out by its heartbeat, which an agent of before volumes sends with version 1."""
    selling = provider.get("/v1/orders", params={"instrument": block}).json()["items"][0]["id"]
    beat = Heartbeat(node_id, "0.1.0", True, {}, Capacity(8, 16_384, 80), 0, 0)
    with world.begin() as connection:
        record_heartbeat(connection, beat, now(connection))
        assert asks_to_withdraw(connection) == []
        record_heartbeat(connection, replace(beat, version=1), now(connection))
        [found] = asks_to_withdraw(connection)
    assert (found.order, found.reason) == (selling, "agent_outdated")
    assert provider.get(f"/v1/nodes/{node_id}").json()["wire_version"] == 1
    more = ask(node_id, instrument=block, slices=1)
    assert _code(provider.post("/v1/orders", more)) == (422, "agent_outdated", "node")
    assert provider.post("/v1/orders", ask(node_id, slices=1)).status_code == 201
    with world.begin() as connection:
        record_heartbeat(connection, beat, now(connection))
        assert asks_to_withdraw(connection) == []
    assert provider.post("/v1/orders", more).status_code == 201
    for fields, needed in (({}, 1), ({"instrument": block, "volume": TEMPLATE}, 2)):
        _bought(buyer, **fields)
        assert _sent(world).version == needed


def test_a_volume_is_attached_to_one_guest_after_the_other_of_its_node_and_buyer(
    operator: Http, provider: Http, buyer: Http, block: str, world: World
) -> None:
    guest = _bought(buyer)
    volume, second = (_bought(buyer, instrument=block, volume=TEMPLATE) for _ in range(2))
    for _ in range(2):
        held = buyer.post(f"{volume}/attach", _id(guest)).json()
        assert (held["attached_to"], held["revision"], held["settled"]) == (_id(guest)["guest"], 2, None)
    assert _sent(world).extras.attached_to == _id(guest)["guest"]
    assert buyer.get(f"{guest}/guest").json()["attached_volumes"] == [_id(volume)["guest"]]
    assert _code(buyer.post(f"{second}/attach", _id(guest))) == (409, "already_exists", "guest")
    other_guest = _bought(buyer)
    assert _code(buyer.post(f"{volume}/attach", _id(other_guest))) == (409, "state_forbids", "guest")
    world.real.pass_minutes(1)
    assert buyer.post(f"{guest}/release").status_code == 200
    world.real.pass_minutes(1)  # its last minute is over
    assert buyer.post(f"{volume}/attach", _id(other_guest)).json()["attached_to"] == _id(other_guest)["guest"]
    assert buyer.post(f"{volume}/detach").json()["attached_to"] is None
    assert _code(buyer.post(f"{volume}/attach", _id(guest))) == (409, "state_forbids", "guest")
    assert _code(buyer.post(f"{volume}/attach", _id(second))) == (422, "wrong_kind", "guest")
    assert _code(buyer.post(f"{guest}/attach", _id(other_guest)))[1:] == ("wrong_kind", "contract")
    assert _code(buyer.post(f"{volume}/restart"))[1:] == ("wrong_kind", "contract")
    stranger = joined(operator, "Cedar Crawlers", "ops@cedar.example", "1.00")
    assert _code(stranger.post(f"{volume}/attach", _id(other_guest))) == (404, "not_found", "contract")
    assert _code(provider.post(f"{volume}/attach", _id(other_guest)))[1:] == ("not_your_side", "contract")


def test_a_volume_goes_to_no_other_node_and_to_nobody_elses_guest(
    operator: Http, provider: Http, buyer: Http, block: str, world: World
) -> None:
    volume = _bought(buyer, instrument=block, volume=TEMPLATE)
    elsewhere = online_node(world, provider, name="alster-2")
    provider.post("/v1/orders", ask(elsewhere, price="0.006"))
    away = _bought(buyer, nodes=[elsewhere])
    assert _code(buyer.post(f"{volume}/attach", _id(away)))[1:] == ("another_node", "guest")
    stranger = joined(operator, "Cedar Crawlers", "ops@cedar.example", "10.00")
    theirs = _bought(stranger)
    assert _code(buyer.post(f"{volume}/attach", _id(theirs))) == (404, "not_found", "guest")


def test_a_volume_grows_within_what_was_bought(buyer: Http, block: str, world: World) -> None:
    volume = _bought(buyer, instrument=block, volume=TEMPLATE)
    assert buyer.post(f"{volume}/resize", {"size_gib": 4}).json()["size_gib"] == 4  # it is not made yet
    assert buyer.post(f"{volume}/resize", {"size_gib": 10}).json()["bought_gib"] == 10
    assert _code(buyer.post(f"{volume}/resize", {"size_gib": 11}))[1:] == ("beyond_the_slices", "size_gib")
    assert _sent(world).guest.disk_gib == 10
    assert buyer.get(f"{volume}/volume").json()["size_gib"] == 10


def test_snapshots_take_storage_that_was_bought_or_is_set_aside(buyer: Http, block: str, world: World) -> None:
    guest, volume = _bought(buyer, duration_minutes=20), _bought(buyer, instrument=block, volume=TEMPLATE)
    refused = buyer.post(f"{guest}/snapshots", {"name": "before"})
    assert _code(refused)[1:] == ("beyond_the_slices", "name")
    assert "10 are missing" in refused.json()["detail"]
    assert buyer.post(f"{volume}/set-aside", _id(guest)).json()["set_aside"]
    kept = buyer.post(f"{guest}/snapshots", {"name": "before"}).json()
    assert kept["storage"] == {"bought_gib": 10, "set_aside_gib": 10, "taken_gib": 20}
    assert kept["attached_volumes"] == []
    assert _code(buyer.post(f"{guest}/snapshots", {"name": "after"}))[1:] == ("beyond_the_slices", "name")
    assert _code(buyer.post(f"{volume}/detach"))[1:] == ("state_forbids", "contract")
    buyer.delete(f"{guest}/snapshots/before")
    buyer.post(f"{guest}/snapshots", {"name": "lost"})
    world.real.pass_minutes(11)  # the volume is over, and the agent has dropped what has no room
    assert buyer.get(f"{guest}/guest").json()["storage"] == {"bought_gib": 10, "set_aside_gib": 0, "taken_gib": 10}
    buyer.post(f"{guest}/rescale", {"disk_gib": 5})
    assert _sent(world).extras.snapshots == ()
    assert buyer.post(f"{guest}/snapshots", {"name": "before"}).json()["storage"]["taken_gib"] == 10
