"""From the bid to a guest that boots, and from its buyer's HTTP calls to what the guest itself tells on its page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from nestex.stack.hypervisor_kind import HypervisorKind
from tests.provisioner.hypervisor.guest_slots import room_for
from tests.provisioner.hypervisor.real_node import libvirtd_of, little_memory
from tests.provisioner.images.built import built_image
from tests.reliability.buyer import Buyer
from tests.reliability.founding import running_town
from tests.reliability.town import NODE, Town

HOURS = 600


@pytest.fixture(params=["qemu"])
def real_town(request: pytest.FixtureRequest, data_path: Path, patient_children: pytest.MonkeyPatch) -> Iterator[Town]:
    shutil.copytree(built_image(request.config), data_path / "images")
    data_path.chmod(0o711)
    shutil.copyfile(data_path / "images" / "nestex-l2.json", data_path / "images" / "default.json")
    with room_for(1), running_town(data_path, hypervisor=HypervisorKind(request.param)) as made:
        yield made


def test_what_is_asked_over_http_is_what_the_guest_tells_on_its_page(real_town: Town) -> None:
    town = real_town
    name = town.buy(minutes=HOURS, guests=1)
    [row] = town.contracts(name)
    buyer = Buyer(town, f"/v1/contracts/{row['id']}")
    buyer.ask("configure", {"ports": [80], "name": "web-1"})
    buyer.ask("rescale", {"memory_mib": 256, "disk_gib": 2})
    buyer.settled("ready")
    buyer.ask("restart")  # where the start was earlier than the two
    buyer.settled("ready")
    town.until(lambda: town.buyer.get(buyer.path)["state"] == "running", "the contract to run")
    boots = _keeps_its_disk(buyer)
    with little_memory(libvirtd_of(town.market.supervisor, NODE)):
        starved = town.buy(minutes=HOURS, guests=1)
        _has_its_disk_again(buyer, boots)  # one that fits starts
        _fails_for_lack_of_memory(town, starved)
    told = buyer.sees("what it is", bool)
    assert (told["contract"], told["host_name"], told["vcpus"]) == (row["id"], "web-1", 1)
    assert told["memory_kib"] < 256 * 1024
    buyer.ask("volumes", {"name": "data", "size_gib": 3, "filesystem": "ext4"})
    buyer.settled("ready")
    buyer.sees("the volume", lambda told: told["disks"].get("data") == 3 * 2**30)
    _has_another_adapter_and_then_not(buyer)
    _stands_still_and_goes_on(buyer)
    buyer.ask("stop")
    buyer.settled("stopped")
    town.until(lambda: town.buyer.get(buyer.path)["state"] == "stopped", "the contract to be stopped")
    buyer.ask("start")
    buyer.settled("ready")
    buyer.sees("one more boot", lambda again: again["boots"] == told["boots"] + 1)
    buyer.ask("release")
    town.until(lambda: not town.domains(), "the removal of the guest")
    town.until(lambda: _is_billed(town, name), "the bill of what was delivered")
    town.check_books()


def _keeps_its_disk(buyer: Buyer) -> int:
    """In a snapshot, after which something else is written; the boots that the snapshot knows of."""
    boots: int = buyer.sees("how often it booted", bool)["boots"]
    buyer.ask("snapshots", {"name": "before"})
    buyer.settled("ready")
    kept = buyer.town.buyer.get(f"{buyer.path}/snapshots")["items"]
    assert [each["name"] for each in kept] == ["before"]
    buyer.types("echo 99 > /data/boots; sync; echo heard-$((40 + 2))")
    buyer.sees("what was written", lambda told: told["boots"] == 99)
    assert "heard-42" in buyer.town.buyer.get(f"{buyer.path}/console")["text"]
    return boots


def _has_its_disk_again(buyer: Buyer, boots: int) -> None:
    """As it was kept, by the command line."""
    buyer.runs("guest snapshot revert", "before")
    buyer.settled("ready")
    buyer.sees("its disk as it was", lambda told: told["boots"] == boots + 1)
    assert "nestex: ready" in buyer.runs("guest console")
    buyer.runs("guest snapshot drop", "before")
    buyer.settled("ready")
    assert json.loads(buyer.runs("guest snapshot list", "--json")) == []


def _has_another_adapter_and_then_not(buyer: Buyer) -> None:
    buyer.ask("adapters", {"name": "eth1"})
    buyer.sees("two adapters", lambda told: list(told["adapters"]) == ["eth0", "eth1"])
    buyer.runs("guest adapter detach", "eth1")
    buyer.sees("one adapter", lambda told: list(told["adapters"]) == ["eth0"])
    buyer.settled("ready")


def _stands_still_and_goes_on(buyer: Buyer) -> None:
    """Silent while it is paused; then the same guest, which has not booted."""
    before = buyer.sees("how long it is up", bool)
    buyer.ask("pause")
    buyer.settled("paused")
    assert buyer.page(seconds=3.0) is None
    buyer.ask("resume")
    buyer.settled("ready")
    after = buyer.sees("that it goes on", bool)
    assert after["boots"] == before["boots"]
    assert after["uptime_seconds"] >= before["uptime_seconds"]


def _fails_for_lack_of_memory(town: Town, name: str) -> None:
    """With the reason, and its buyer has its money again: nothing was delivered."""
    [row] = town.ended(name)
    assert (row["state"], row["delivered_seconds"], row["billed_minutes"]) == ("failed", 0, 0)
    assert "Cannot allocate memory" in town.buyer.get(f"/v1/contracts/{row['id']}")["reason"]


def _is_billed(town: Town, name: str) -> bool:
    [row] = town.contracts(name)
    delivered: int = row["delivered_seconds"]
    return delivered > 0 and delivered == row["reported_seconds"] and bool(row["billed_minutes"])
