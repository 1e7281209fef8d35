"""The block pool as a network mount would be: another file system, full, away, shared with another node."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from common.errors import NotFound, Refused, Unavailable
from provisioner.hypervisor.block_pool import BlockPool
from provisioner.images.pool import ImagePool
from tests.provisioner.images.test_pool import offer

ROOMY = "3g"


@pytest.fixture
def mounted_pool(tmp_path: Path) -> Iterator[Path]:
    """A pool on a file system of its own."""
    folder = tmp_path / "pool"
    folder.mkdir()
    _mount("tmpfs", folder, f"size={ROOMY}")
    yield folder
    subprocess.run(["/usr/bin/umount", "--lazy", folder], check=True)


def _mount(what: str, folder: Path, options: str) -> None:
    subprocess.run(["/usr/bin/mount", "-t", "tmpfs", "-o", options, what, folder], check=True)


def test_volumes_live_on_another_file_system_than_the_nodes_own(mounted_pool: Path, tmp_path: Path) -> None:
    pool = BlockPool(mounted_pool, tmp_path / "memory")
    for _ in range(2):
        pool.create("con_1", 1, "ext4")
    assert _holds_ext4(pool.path("con_1"))
    pool.grow("con_1", 2)
    assert (pool.names(), pool.size_gib("con_1")) == (["con_1"], 2)
    pool.replace("con_1", 0, "")
    assert pool.size_gib("con_1") == 0
    again = BlockPool(mounted_pool, tmp_path / "memory")
    for _ in range(2):
        again.remove("con_1")
    with pytest.raises(NotFound):
        pool.path("con_1")
    assert _files(mounted_pool) == []


def test_what_was_promised_is_not_sold_twice_and_a_full_pool_says_what_is_missing(
    mounted_pool: Path, tmp_path: Path
) -> None:
    pool = BlockPool(mounted_pool, tmp_path / "memory")
    pool.create("con_1", 2, "ext4")  # which takes little of it yet
    for refused in (partial(pool.create, "con_2", 2, "ext4"), partial(pool.check_growth, "con_1", 4)):
        with pytest.raises(Refused, match="needs 2 GiB more, there is room for") as raised:
            refused()
        assert raised.value.code == "insufficient_capacity"
    assert pool.names() == ["con_1"]
    BlockPool(mounted_pool, tmp_path / "other", overcommit=True).create("con_2", 2, "ext4")


def test_a_pool_that_is_full_when_a_volume_is_formatted_leaves_nothing_behind(
    mounted_pool: Path, tmp_path: Path
) -> None:
    pool = BlockPool(mounted_pool, tmp_path / "memory", overcommit=True)
    assert pool.names() == []
    _mount("tmpfs", mounted_pool, "remount,size=4m")
    with suppress(OSError), (mounted_pool / "ballast").open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(4096))
    with pytest.raises(Refused, match="full"):
        pool.create("con_1", 64, "ext4")
    assert _files(mounted_pool) == []


def test_a_mount_that_is_away_is_no_pool_that_has_lost_everything(tmp_path: Path) -> None:
    folder = tmp_path / "pool"
    folder.mkdir()
    pool = BlockPool(folder, tmp_path / "memory")
    pool.create("con_1", 1, "")
    folder.rename(tmp_path / "away")
    folder.mkdir()  # the mount point without its mount
    for call in (pool.names, lambda: pool.create("con_1", 1, ""), lambda: pool.path("con_1")):
        with pytest.raises(Unavailable, match="away"):
            call()
    folder.rmdir()
    (tmp_path / "away").rename(folder)
    assert pool.names() == ["con_1"]


def test_nodes_that_share_a_pool_do_not_see_each_others_volumes(tmp_path: Path) -> None:
    pools = [BlockPool(tmp_path, tmp_path / f"memory-{number}") for number in range(2)]
    pools[0].create("con_1", 1, "")
    assert [pool.names() for pool in pools] == [["con_1"], []]
    pools[1].remove("con_1")
    assert pools[0].names() == ["con_1"]


def test_what_a_killed_agent_left_half_made_goes_with_the_volume(tmp_path: Path) -> None:
    pool = BlockPool(tmp_path, tmp_path / "memory")
    pool.create("con_1", 1, "")
    half = pool.path("con_1").with_name(".con_1.0123abcd")
    half.touch()
    pool.replace("con_1", 1, "")
    assert not half.exists()
    half.touch()
    pool.remove("con_1")
    assert not half.exists()


def test_images_are_checked_and_cached_where_pool_and_cache_are_other_file_systems(
    mounted_pool: Path, tmp_path: Path
) -> None:
    images = ImagePool(mounted_pool, tmp_path / "cache")
    offer(mounted_pool)
    image = images.fetch("web")
    assert image.files["disk"].is_relative_to(tmp_path / "cache")
    offer(mounted_pool, b"another", sha256="0" * 64)
    with pytest.raises(Refused, match="wrong checksum"):
        images.fetch("web")
    (mounted_pool / "disk-1").unlink()
    assert images.described(image.described).files == image.files  # the mount is not needed any more


def _files(pool: Path) -> list[Path]:
    """All that is in the folders of nodes."""
    return [file for folder in pool.iterdir() if folder.is_dir() for file in folder.iterdir()]


def _holds_ext4(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(1024 + 56)  # the superblock's magic number
        return file.read(2) == b"\x53\xef"
