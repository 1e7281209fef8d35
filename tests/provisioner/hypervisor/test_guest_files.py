from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from common import codec
from common.errors import Refused, Unavailable
from provisioner.hypervisor.guest_files import CONSOLE_BYTES, READY_SECONDS_MAX, GuestFiles
from provisioner.hypervisor.seed import READY
from provisioner.images.manifest import ImageFile, Manifest
from provisioner.images.pool import ImagePool
from provisioner.programs import run_program
from tests.provisioner.factories import HandClock, contract
from tests.provisioner.hypervisor.real_node import SMALL

GIB = 2**30
WEB = replace(SMALL, image="web")


@pytest.fixture
def clock(tmp_path: Path) -> HandClock:
    """Stands where files that are written now are."""
    found = HandClock()
    (tmp_path / "now").touch()
    found.micros = (tmp_path / "now").stat().st_mtime_ns // 1000
    return found


@pytest.fixture
def files(tmp_path: Path, clock: HandClock) -> GuestFiles:
    """With an image `web`, a disk of 1 GiB."""
    pool = tmp_path / "pool"
    pool.mkdir()
    run_program("qemu-img", "create", "-q", "-f", "qcow2", pool / "disk-1", "1G")
    _describe(pool)
    return GuestFiles(tmp_path / "guests", ImagePool(pool, tmp_path / "cache"), clock)


def _describe(pool: Path) -> None:
    sha256 = hashlib.sha256((pool / "disk-1").read_bytes()).hexdigest()
    (pool / "web.json").write_bytes(codec.encode(Manifest("web", "disk", {"disk": ImageFile("disk-1", sha256)})))


def _info(disk: Path) -> dict[str, object]:
    told: dict[str, object] = json.loads(run_program("qemu-img", "info", "--output=json", disk))
    return told


def test_the_disk_is_a_copy_on_write_of_the_checked_image_in_the_size_that_was_sold(files: GuestFiles) -> None:
    found = files.prepare(contract(), replace(WEB, disk_gib=3))
    told = _info(found.disk)
    assert told["virtual-size"] == 3 * GIB
    assert told["full-backing-filename"] == str(found.image.files["disk"])


def test_preparing_again_keeps_the_disk_and_its_image_and_only_grows_it(files: GuestFiles, tmp_path: Path) -> None:
    first = files.prepare(contract(), replace(WEB, disk_gib=2))
    run_program("qemu-img", "resize", "-q", tmp_path / "pool" / "disk-1", "2G")
    _describe(tmp_path / "pool")
    for size in (1, 4):
        again = files.prepare(contract(), replace(WEB, disk_gib=size))
        assert again.image == first.image
    assert files.disk_gib(contract()) == 4


def test_an_image_larger_than_the_disk_is_refused(files: GuestFiles, tmp_path: Path) -> None:
    run_program("qemu-img", "resize", "-q", tmp_path / "pool" / "disk-1", "2G")
    _describe(tmp_path / "pool")
    with pytest.raises(Refused, match="larger"):
        files.prepare(contract(), WEB)


def test_a_disk_that_was_half_made_is_made_again(files: GuestFiles, tmp_path: Path) -> None:
    home = tmp_path / "guests" / contract()
    home.mkdir(parents=True)
    (home / ".disk").write_bytes(b"half")
    assert _info(files.prepare(contract(), WEB).disk)["virtual-size"] == GIB


def test_where_nothing_can_be_written_it_is_worth_another_try(files: GuestFiles, tmp_path: Path) -> None:
    (tmp_path / "guests").write_text("not a folder")
    with pytest.raises(Unavailable):
        files.prepare(contract(), WEB)


def test_a_guest_is_ready_when_it_says_so_in_this_start(files: GuestFiles) -> None:
    console = files.prepare(contract(), WEB).console
    files.begin_start(contract())
    assert not files.is_ready(contract(), "start-1")
    console.write_text(f"booting\n{READY}\n")
    assert files.is_ready(contract(), "start-1")
    console.write_text("much that came later\n")
    assert files.is_ready(contract(), "start-1")
    files.begin_start(contract())
    assert not files.is_ready(contract(), "start-2")


def test_a_guest_that_never_says_so_is_ready_after_its_time(files: GuestFiles, clock: HandClock) -> None:
    files.prepare(contract(), WEB)
    files.begin_start(contract())
    clock.advance(READY_SECONDS_MAX - 5)
    assert not files.is_ready(contract(), "start-1")
    clock.advance(10)
    assert files.is_ready(contract(), "start-1")


def test_a_console_is_cut_to_its_newer_half_while_it_is_written(files: GuestFiles) -> None:
    path = files.prepare(contract(), WEB).console
    with path.open("ab", buffering=0) as writer:
        writer.write(b"old" * CONSOLE_BYTES)
        writer.write(b"newest")
        files.cut_console(contract())
        writer.write(b" and on")
    kept = files.console(contract())
    assert kept.endswith(b"newest and on")
    assert len(kept) == CONSOLE_BYTES // 2 + len(b" and on")


def test_what_is_removed_is_gone_and_may_be_removed_again(files: GuestFiles, tmp_path: Path) -> None:
    files.prepare(contract(), WEB)
    for _ in range(2):
        files.remove(contract())
    assert list((tmp_path / "guests").iterdir()) == []
