"""From the bid to a guest that boots, and from its buyer's HTTP calls to what the guest itself tells on its page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
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


def _page(town: Town, buyer: Buyer) -> Any:
    """What the guest says on its own page."""
    endpoints = {each["service"]: each for each in town.buyer.get(buyer.path)["endpoints"]}
    address = f"{endpoints['http']['address']}:{endpoints['http']['port']}"

    def look() -> Any:
        try:
            return httpx.get(f"http://{address}/cgi-bin/report", timeout=20.0, trust_env=False).json()
        except (httpx.HTTPError, ValueError):
            return None

    return town.until(look, "the guest's page")


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
    with little_memory(libvirtd_of(town.market.supervisor, NODE)):
        starved = town.buy(minutes=HOURS, guests=1)
        buyer.ask("restart")  # one that fits starts
        buyer.settled("ready")
        _fails_for_lack_of_memory(town, starved)
    told = _page(town, buyer)
    assert (told["contract"], told["host_name"], told["vcpus"]) == (row["id"], "web-1", 1)
    assert told["memory_kib"] < 256 * 1024
    buyer.ask("volumes", {"name": "data", "size_gib": 3, "filesystem": "ext4"})
    buyer.settled("ready")
    town.until(lambda: _page(town, buyer)["disks"].get("data") == 3 * 2**30, "the volume inside")
    assert "nestex: ready" in town.buyer.get(f"{buyer.path}/console")["text"]
    buyer.ask("stop")
    buyer.settled("stopped")
    town.until(lambda: town.buyer.get(buyer.path)["state"] == "stopped", "the contract to be stopped")
    buyer.ask("start")
    buyer.settled("ready")
    assert _page(town, buyer)["boots"] == told["boots"] + 1
    buyer.ask("release")
    town.until(lambda: not town.domains(), "the removal of the guest")
    town.until(lambda: _is_billed(town, name), "the bill of what was delivered")
    town.check_books()


def _fails_for_lack_of_memory(town: Town, name: str) -> None:
    """With the reason, and its buyer has its money again: nothing was delivered."""
    [row] = town.ended(name)
    assert (row["state"], row["delivered_seconds"], row["billed_minutes"]) == ("failed", 0, 0)
    assert "Cannot allocate memory" in town.buyer.get(f"/v1/contracts/{row['id']}")["reason"]


def _is_billed(town: Town, name: str) -> bool:
    [row] = town.contracts(name)
    delivered: int = row["delivered_seconds"]
    return delivered > 0 and delivered == row["reported_seconds"] and bool(row["billed_minutes"])
