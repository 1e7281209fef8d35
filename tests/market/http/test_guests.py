"""A buyer's commands to its guest, over HTTP: what is sent to the agent, and what is refused."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import nats
import pytest
from nats.aio.msg import Msg

from common import codec, subjects
from common.questions import ConsoleAnswer, GuestAnswer, NodeAnswer, SnapshotMark, SnapshotsAnswer
from common.wire import Allocation, FieldAnswer
from runtime import outbox
from tests.conftest import NatsAccount
from tests.market.factories import World
from tests.market.http.bodies import ask, bid
from tests.market.http.conftest import Http, joined

ANSWERS: dict[str, Any] = {
    "guest": GuestAnswer(True, "", "ready", 9, True, (FieldAnswer("vcpus", "restart", "a \ud800 reason"),)),
    "console": ConsoleAnswer(True, "", "boot\ud800\nlogin: "),
    "snapshots": SnapshotsAnswer(True, "", (SnapshotMark("before", 2**60),)),
    "node": NodeAnswer(True, "", "1", "QEMU", "7.2", ("pause",), True, {"con_1": "ready"}),
}


REFUSALS: list[tuple[str, dict[str, Any] | None, str, str]] = [
    ("rescale", {"vcpus": 3}, "beyond_the_slices", "vcpus"),
    ("rescale", {"memory_mib": 4097}, "beyond_the_slices", "memory_mib"),
    ("rescale", {"disk_gib": 21}, "beyond_the_slices", "disk_gib"),
    ("rescale", {"cpu_shares": 1025}, "beyond_the_slices", "cpu_shares"),
    ("rescale", {"cpu_percent": 101}, "invalid_field", "cpu_percent"),
    ("rescale", {}, "missing_field", "vcpus"),
    ("rescale", {"image": "other"}, "unknown_field", "image"),
    ("configure", {}, "missing_field", "name"),
    ("configure", {"ports": [0]}, "invalid_field", "ports.0"),
    ("volumes", {"name": "data", "size_gib": 1}, "beyond_the_slices", "size_gib"),
    ("volumes", {"name": "Data", "size_gib": 1}, "invalid_field", "name"),
    ("volumes", {"name": "data", "size_gib": 1, "filesystem": "ntfs"}, "invalid_field", "filesystem"),
    ("snapshots/none/revert", None, "not_found", "name"),
]


@pytest.fixture
def guest(provider: Http, buyer: Http, node_id: str) -> str:
    """The address of a guest of two slices: 2 vCPUs, 4 GiB, 20 GiB."""
    provider.post("/v1/orders", ask(node_id))
    assert buyer.post("/v1/orders", bid(slices_per_guest=2)).json()["state"] == "filled"
    return f"/v1/contracts/{buyer.get('/v1/contracts').json()['items'][0]['id']}"


def _sent(world: World) -> list[Allocation]:
    with world.begin() as connection:
        return [codec.decode(Allocation, bytes(message.payload)) for message in outbox.unpublished(connection, 100)]


@contextmanager
def _agent(account: NatsAccount, node: str) -> Iterator[None]:
    """Answers every question as ANSWERS says."""
    ready, over = threading.Event(), threading.Event()

    async def serve() -> None:
        client = await nats.connect(account.url, user_credentials=str(account.credentials))

        async def answer(message: Msg) -> None:
            await message.respond(json.dumps(codec.to_json(ANSWERS[message.subject.rpartition(".")[2]])).encode())

        await client.subscribe(subjects.command(node, "*"), cb=answer)
        await client.flush()
        ready.set()
        await asyncio.to_thread(over.wait)
        await client.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(20)
    yield
    over.set()
    thread.join()


def test_each_command_is_a_new_revision_of_the_whole_wish_and_asked_again_changes_nothing(
    buyer: Http, guest: str, world: World
) -> None:
    steps: list[tuple[str, dict[str, Any] | None, str]] = [
        ("stop", None, "stopped"),
        ("start", None, "run"),
        ("pause", None, "paused"),
        ("resume", None, "run"),
        ("rescale", {"vcpus": 1, "memory_mib": 2048, "disk_gib": 12, "cpu_percent": 50}, "run"),
        ("configure", {"name": "web-2", "ports": [80]}, "run"),
        ("adapters", {"name": "eth1"}, "run"),
        ("volumes", {"name": "data", "size_gib": 8, "filesystem": "ext4"}, "run"),
    ]
    for revision, (verb, body, want) in enumerate(steps, start=2):
        for _ in range(2):
            answer = buyer.post(f"{guest}/{verb}", body)
            assert answer.status_code in (200, 201), answer.text
            assert (answer.json()["revision"], answer.json()["want"]) == (revision, want), verb
    assert answer.json()["settled"] is None  # nobody is there to say so
    newest = _sent(world)[-1]
    assert [message.revision for message in _sent(world)] == list(range(1, 10))
    assert (newest.guest.vcpus, newest.guest.disk_gib, newest.guest.ports) == (1, 12, (80,))
    assert (newest.extras.adapters, newest.extras.volumes[0].name, newest.extras.starts) == (("eth1",), "data", 1)
    assert buyer.get(f"{guest}/guest").json() == answer.json()


def test_restarts_and_reverts_are_counted_and_guarded_by_the_revision(buyer: Http, guest: str, world: World) -> None:
    buyer.post(f"{guest}/rescale", {"disk_gib": 10})
    assert buyer.post(f"{guest}/snapshots", {"name": "before"}).json()["snapshots"] == ["before"]
    for verb in ("restart", "snapshots/before/revert"):
        first = buyer.post(f"{guest}/{verb}")
        assert first.status_code == 200, first.text
        again = buyer.post(f"{guest}/{verb}", params={"revision": first.json()["revision"] - 1})
        assert (again.status_code, again.json()["code"]) == (409, "revision_mismatch")
        assert buyer.post(f"{guest}/{verb}", params={"revision": first.json()["revision"]}).status_code == 200
    extras = _sent(world)[-1].extras
    assert (extras.restarts, extras.reverts, extras.revert_to) == (2, 2, "before")


def test_what_goes_beyond_the_slices_or_makes_no_sense_is_refused(buyer: Http, guest: str, world: World) -> None:
    for verb, body, code, field in REFUSALS:
        answer = buyer.post(f"{guest}/{verb}", body)
        assert answer.status_code >= 400
        assert (answer.json()["code"], answer.json()["field"]) == (code, field)
    assert len(_sent(world)) == 1


def test_a_guest_that_is_wanted_off_is_neither_paused_nor_restarted(buyer: Http, guest: str) -> None:
    buyer.post(f"{guest}/stop")
    for verb in ("pause", "resume", "restart"):
        assert buyer.post(f"{guest}/{verb}").json()["code"] == "state_forbids"


def test_devices_have_names_of_their_own_and_a_limit(buyer: Http, guest: str) -> None:
    buyer.post(f"{guest}/rescale", {"disk_gib": 10})
    assert buyer.post(f"{guest}/volumes", {"name": "data", "size_gib": 4}).status_code == 201
    assert buyer.post(f"{guest}/volumes", {"name": "data", "size_gib": 5}).json()["code"] == "already_exists"
    assert buyer.patch(f"{guest}/volumes/data", {"size_gib": 11}).json()["code"] == "beyond_the_slices"
    assert buyer.patch(f"{guest}/volumes/data", {"size_gib": 10}).json()["volumes"][0]["size_gib"] == 10
    assert buyer.delete(f"{guest}/volumes/data").json()["volumes"] == []
    for kind in ("volumes", "adapters", "snapshots"):
        assert buyer.delete(f"{guest}/{kind}/data").json()["code"] == "not_found"
    for number in range(8):
        buyer.post(f"{guest}/adapters", {"name": f"nic{number}"})
    assert buyer.post(f"{guest}/adapters", {"name": "nic8"}).json()["code"] == "too_many_devices"


def test_a_guest_is_its_buyers_alone_and_only_with_the_scope(
    operator: Http, provider: Http, buyer: Http, guest: str
) -> None:
    stranger = joined(operator, "Cedar Crawlers", "ops@cedar.example", "1.00")
    reader = buyer.as_(buyer.post("/v1/keys", {"name": "reader", "scopes": ["read"]}).json()["api_key"])
    for who, code in ((provider, "not_your_side"), (stranger, "not_found"), (reader, "scope_missing")):
        answers = [who.post(f"{guest}/{verb}") for verb in ("start", "stop", "restart", "pause", "resume")]
        answers += [who.get(f"{guest}/{what}") for what in ("guest", "console", "snapshots")]
        answers += [who.post(f"{guest}/{what}", {"name": "one"}) for what in ("adapters", "snapshots")]
        answers += [who.delete(f"{guest}/{what}/one") for what in ("adapters", "snapshots", "volumes")]
        assert {answer.json()["code"] for answer in answers} == {code}


def test_a_contract_that_is_over_is_not_commanded(buyer: Http, guest: str, world: World) -> None:
    world.real.pass_minutes(11)
    assert buyer.post(f"{guest}/stop").json()["code"] == "state_forbids"


def test_what_the_agent_says_is_passed_on_and_cannot_harm(
    provider: Http, buyer: Http, guest: str, node_id: str, nats_account: NatsAccount
) -> None:
    for path in (f"{guest}/console", f"{guest}/snapshots"):
        assert buyer.get(path).json()["code"] == "node_unavailable"
    with _agent(nats_account, node_id):
        told = buyer.post(f"{guest}/rescale", {"vcpus": 1}, params={"wait": 5}).json()
        assert (told["settled"], told["state"]) == (True, "ready")
        assert told["answers"] == [{"field": "vcpus", "outcome": "restart", "reason": "a ? reason"}]
        assert buyer.get(f"{guest}/console").json()["text"] == "boot?\nlogin: "
        [kept] = buyer.get(f"{guest}/snapshots").json()["items"]
        assert kept == {"name": "before", "taken_at": "9999-12-31T23:59:59Z"}
        status = provider.get(f"/v1/nodes/{node_id}/status").json()
        assert (status["hypervisor"], status["guests"]) == ("QEMU", {"con_1": "ready"})
        assert buyer.get(f"/v1/nodes/{node_id}/status").status_code in (403, 404)
