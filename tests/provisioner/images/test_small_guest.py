from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from common.errors import InvalidInput
from provisioner.images.pool import ImagePool
from provisioner.images.small_guest import PLACES, build_small_guest
from tests.provisioner.images.packages import busybox_package, deb, kernel_package
from tests.tidy.tree import ROOT


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_packages_give_the_same_image(tmp_path: Path) -> None:
    for name in ("one", "two"):
        build_small_guest(kernel_package(), busybox_package(), tmp_path / name)
    assert _content(tmp_path / "one") == _content(tmp_path / "two")


def test_the_image_is_one_that_a_pool_takes_and_says_what_it_was_built_from(tmp_path: Path) -> None:
    kernel, busybox = kernel_package(), busybox_package()
    build_small_guest(kernel, busybox, tmp_path / "pool")
    image = ImagePool(tmp_path / "pool", tmp_path / "cache").fetch("nestex-l2")
    assert image.files["kernel"].read_bytes() == b"a kernel"
    assert image.manifest.sources == {
        package.title: f"sha256:{hashlib.sha256(package.content).hexdigest()}" for package in (kernel, busybox)
    }


def test_a_new_build_leaves_the_files_of_the_old_one_to_those_that_read_them(tmp_path: Path) -> None:
    build_small_guest(kernel_package(), busybox_package(), tmp_path)
    before = _content(tmp_path)
    build_small_guest(kernel_package({"isofs": "cdrom"}), busybox_package(), tmp_path)
    assert before.items() - _content(tmp_path).items() == {("nestex-l2.json", before["nestex-l2.json"])}


def test_modules_come_after_those_that_they_need(tmp_path: Path) -> None:
    package = kernel_package({"virtio_net": "net_failover", "net_failover": "failover", "virtio_pci": "virtio"})
    build_small_guest(package, busybox_package(), tmp_path)
    [initrd] = tmp_path.glob("nestex-l2-initrd-*")
    order = initrd.read_bytes().partition(b"lib/modules/order\0")[2].split(b"0707")[0].split()
    assert order.index(b"failover") < order.index(b"net_failover") < order.index(b"virtio_net")
    assert order.index(b"virtio") < order.index(b"virtio_pci")


def test_every_script_has_its_place() -> None:
    assert {path.name for path in (ROOT / "provisioner/images/l2").iterdir()} == PLACES.keys()


def test_other_packages_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="vmlinuz"):
        build_small_guest(busybox_package(), busybox_package(), tmp_path)
    with pytest.raises(InvalidInput, match="busybox"):
        build_small_guest(kernel_package(), kernel_package(), tmp_path)
    bare = replace(kernel_package(), content=deb({"boot/vmlinuz-1": b"a kernel"}))
    with pytest.raises(InvalidInput, match="no module"):
        build_small_guest(bare, busybox_package(), tmp_path)
