from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from common import codec
from common.errors import Refused, Unavailable
from provisioner.images.manifest import ImageFile, Manifest
from provisioner.images.pool import ImagePool

CONTENT = b"a disk"


def offer(pool: Path, content: bytes = CONTENT, *, file: str = "disk-1", sha256: str | None = None) -> str:
    """Put an image `web` into the pool; its checksum."""
    pool.mkdir(exist_ok=True)
    (pool / "disk-1").write_bytes(content)
    described = ImageFile(file, sha256 or hashlib.sha256(content).hexdigest())
    manifest = codec.encode(Manifest("web", "disk", {"disk": described}))
    (pool / "web.json").write_bytes(manifest)
    return hashlib.sha256(manifest).hexdigest()


@pytest.fixture
def images(tmp_path: Path) -> ImagePool:
    return ImagePool(tmp_path / "pool", tmp_path / "cache")


def test_an_image_is_copied_once_and_used_without_the_pool_afterwards(images: ImagePool, tmp_path: Path) -> None:
    offer(tmp_path / "pool")
    image = images.fetch("web")
    assert image.files["disk"].read_bytes() == CONTENT
    (tmp_path / "pool" / "disk-1").unlink()
    assert images.fetch("web") == image
    assert images.described(image.described) == image


def test_a_reference_may_pin_the_content(images: ImagePool, tmp_path: Path) -> None:
    sha256 = offer(tmp_path / "pool")
    assert images.fetch(f"web@sha256:{sha256}").files["disk"].read_bytes() == CONTENT
    offer(tmp_path / "pool", b"another disk")
    with pytest.raises(Refused, match="has the checksum"):
        images.fetch(f"web@sha256:{sha256}")
    assert images.fetch("web").files["disk"].read_bytes() == b"another disk"


def test_a_broken_image_is_refused_and_not_kept(images: ImagePool, tmp_path: Path) -> None:
    offer(tmp_path / "pool", sha256="0" * 64)
    for _ in range(2):
        with pytest.raises(Refused, match="wrong checksum"):
            images.fetch("web")
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("file", ["../outside", "/etc/passwd", ".hidden", "missing"])
def test_a_manifest_names_files_beside_itself_only(images: ImagePool, tmp_path: Path, file: str) -> None:
    (tmp_path / "outside").write_bytes(CONTENT)
    offer(tmp_path / "pool", file=file)
    with pytest.raises(Refused, match="web"):
        images.fetch("web")


@pytest.mark.parametrize("reference", ["", "../web", "web@sha256:12", "Web", "web@md5:1", "other"])
def test_a_name_that_is_none_or_unknown_is_refused(images: ImagePool, tmp_path: Path, reference: str) -> None:
    offer(tmp_path / "pool")
    with pytest.raises(Refused):
        images.fetch(reference)


def test_a_pool_that_is_away_is_worth_another_try(images: ImagePool) -> None:
    with pytest.raises(Unavailable):
        images.fetch("web")


def test_a_manifest_of_another_shape_is_refused(images: ImagePool, tmp_path: Path) -> None:
    offer(tmp_path / "pool")
    for text in (b"{", b"{}", codec.encode(Manifest("web", "kernel", {}))):
        (tmp_path / "pool" / "web.json").write_bytes(text)
        with pytest.raises(Refused):
            images.fetch("web")
