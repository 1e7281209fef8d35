"""The disk of the database is full for a while. It is a small one in memory, which only root can make."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from common.errors import Unavailable
from nestex.cli.client import MarketClient
from tests.reliability.founding import running_town
from tests.reliability.town import AHEAD, CODE

SIZE = "256m"
LONG = 30


@pytest.fixture
def small_disk(data_path: Path) -> Iterator[Path]:
    """A folder for PostgreSQL's data, and nothing else."""
    disk = data_path / "postgres"
    disk.mkdir(parents=True)
    data_path.chmod(0o711)
    subprocess.run(["/usr/bin/mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["/usr/bin/umount", "--lazy", disk], check=True)


def _fill(disk: Path) -> Path:
    ballast = disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(shutil.disk_usage(disk).free or 1))
    return ballast


def _try_to_trade(buyer: MarketClient, number: int) -> bool:
    """Whether an order was answered. It rests far below the market, and takes its place in every table."""
    bid = {"side": "bid", "instrument": CODE, "price": "0.06", "guests": 1, "duration_minutes": 60}
    try:
        buyer.post("/v1/orders", bid | {"client_order_id": f"full-{number}"})
    except Unavailable:
        return False
    return True


def test_a_market_whose_database_has_no_room_goes_on_when_there_is_room(
    small_disk: Path, data_path: Path, patient_children: pytest.MonkeyPatch
) -> None:
    with running_town(data_path) as town:
        hasty, name = town.buyer.hasty(), town.buy(minutes=LONG)
        town.wait(AHEAD)
        guests = town.until(town.instances, "the guests")
        ballast = _fill(small_disk)
        town.until(lambda: not all(_try_to_trade(hasty, number) for number in range(500)), "the first refusal")
        assert "No space left on device" in town.log("postgres")
        town.wait(3.0)
        assert town.instances() == guests, "guests run on"
        ballast.unlink()
        town.until(lambda: _try_to_trade(hasty, 10_000), "an answer")
        town.check_story(town.buy(), settled=False)
        town.check_story(name, minutes=LONG)
        town.check_history()
