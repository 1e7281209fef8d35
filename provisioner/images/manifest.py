"""What an image is: a manifest that names its files with their checksums.

The image's own SHA-256 is that of the manifest's bytes, so that it pins every file. Two kinds: a `disk` is copied on
write to be the guest's first disk; a `kernel` is booted directly, and the guest's first disk is empty.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from common import codec
from common.errors import InvalidInput

ImageKind = Literal["disk", "kernel"]
PARTS: dict[ImageKind, frozenset[str]] = {"disk": frozenset({"disk"}), "kernel": frozenset({"kernel", "initrd"})}
"""The files that an image of each kind has."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A file beside the manifest, and the SHA-256 of its content in hexadecimal."""

    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """An image. `sources` says what it was built from: package -> version and SHA-256."""

    name: str
    kind: ImageKind
    files: dict[str, ImageFile]
    command_line: str = ""
    sources: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reference:
    """How a guest names its image: `name`, or `name@sha256:<hex>` for one content and no other."""

    name: str
    sha256: str = ""


def parse_reference(text: str) -> Reference:
    """From a guest's `image`. Raises InvalidInput (`image_invalid`)."""
    name, marked, sha256 = text.partition("@sha256:")
    if not _NAME.fullmatch(name) or (marked and not _SHA256.fullmatch(sha256)):
        raise InvalidInput("image_invalid", f"{text!r} names no image: name, or name@sha256:<hex>", field="image")
    return Reference(name, sha256)


def read_manifest(data: bytes) -> Manifest:
    """The manifest in the bytes, checked. Raises InvalidInput (`image_invalid` or `message_malformed`)."""
    manifest = codec.decode(Manifest, data, lenient=True)
    if manifest.files.keys() != PARTS[manifest.kind]:
        raise InvalidInput("image_invalid", f"an image of kind {manifest.kind} has other files than {manifest.name}")
    for part in manifest.files.values():
        if not _NAME.fullmatch(part.file) or not _SHA256.fullmatch(part.sha256):
            raise InvalidInput("image_invalid", f"the image {manifest.name} names the file {part.file!r}")
    return manifest
