"""The image pool of a node: a folder that may be a network mount, and a cache on the node's own disk.

Nothing is booted from the pool itself. A file is copied to the cache under the name of its checksum, and gets that name
only if it has that checksum; what is in the cache is whole and right, also after a crash in the middle of a copy.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from common.errors import InvalidInput, Refused, Unavailable
from provisioner.images.manifest import ImageFile, Manifest, parse_reference, read_manifest

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Image:
    """An image that is on this node: what it is, the bytes that say so, and where each of its files is."""

    manifest: Manifest
    described: bytes
    files: dict[str, Path]


class ImagePool:
    """Images of the folder `pool`, checked and kept in the folder `cache`."""

    def __init__(self, pool: Path, cache: Path) -> None:
        self._pool = pool
        self._cache = cache

    def fetch(self, reference: str) -> Image:
        """The image, every file of it checked at least once on this node.

        Raises Refused (`image_unusable`) where it is missing, broken or another than the reference pins, and
        Unavailable (`hypervisor_failed`) where it cannot be read or kept at the moment.
        """
        try:
            wanted = parse_reference(reference)
            data = self._read_manifest(wanted.name)
            sha256 = hashlib.sha256(data).hexdigest()
            if wanted.sha256 not in ("", sha256):
                raise _unusable(f"the image {wanted.name} of this node's pool has the checksum {sha256}")
            return self.described(data)
        except InvalidInput as error:
            raise _unusable(error.message) from error
        except OSError as error:
            raise Unavailable("hypervisor_failed", f"the image {reference}: {error}") from error

    def described(self, data: bytes) -> Image:
        """The image of a manifest's bytes, as `fetch` gives it; the pool is not asked for what is in the cache."""
        manifest = read_manifest(data)
        files = {part: self._cached(manifest.name, file) for part, file in manifest.files.items()}
        return Image(manifest, data, files)

    def _read_manifest(self, name: str) -> bytes:
        try:
            return (self._pool / f"{name}.json").read_bytes()
        except FileNotFoundError as error:
            if not self._pool.is_dir():
                raise  # a mount that is away: the image may be there tomorrow
            raise _unusable(f"this node's pool has no image {name}") from error

    def _cached(self, image: str, file: ImageFile) -> Path:
        kept = self._cache / file.sha256
        if kept.exists():
            return kept
        partial = self._cache / f".{file.sha256}.{secrets.token_hex(4)}"
        try:
            self._cache.mkdir(mode=0o711, parents=True, exist_ok=True)
            if _copy(self._pool / file.file, partial) != file.sha256:
                raise _unusable(f"the image {image} is broken: {file.file} has a wrong checksum")
            partial.rename(kept)
        except FileNotFoundError as error:
            raise _unusable(f"the image {image} is broken: {file.file} is missing") from error
        except OSError as error:
            raise Unavailable("hypervisor_failed", f"the image {image}: {error}") from error
        finally:
            partial.unlink(missing_ok=True)
        return kept


def _copy(source: Path, target: Path) -> str:
    digest = hashlib.sha256()
    with source.open("rb") as original, target.open("xb") as copy:
        while block := original.read(_BLOCK):
            digest.update(block)
            copy.write(block)
        copy.flush()
        os.fsync(copy.fileno())
    return digest.hexdigest()


def _unusable(message: str) -> Refused:
    return Refused("image_unusable", message, field="image")
