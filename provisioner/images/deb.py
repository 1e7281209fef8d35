"""Files out of a Debian package, without installing it and without dpkg.

A package is an `ar` archive; its member `data.tar.*` holds the files.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Mapping

from common.errors import InvalidInput

_MAGIC = b"!<arch>\n"
_HEADER = 60


def read_deb(package: bytes, wanted: Callable[[str], bool]) -> Mapping[str, bytes]:
    """The regular files of the package whose paths, without a leading slash, are wanted.

    Raises InvalidInput (`image_invalid`) where it is no Debian package, or compressed by something unknown.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(_data_of(package))) as archive:
            files = ((member, member.name.removeprefix("./")) for member in archive if member.isreg())
            return {name: _content(archive, member) for member, name in files if wanted(name)}
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise InvalidInput("image_invalid", f"this is no Debian package that could be read: {error}") from error


def _data_of(package: bytes) -> bytes:
    if not package.startswith(_MAGIC):
        raise ValueError("it does not begin like one")
    position = len(_MAGIC)
    while position + _HEADER <= len(package):
        header = package[position : position + _HEADER]
        name, size = header[:16].decode("ascii").strip().rstrip("/"), int(header[48:58])
        position += _HEADER
        if name.startswith("data.tar"):
            return package[position : position + size]
        position += size + size % 2
    raise ValueError("it has no data")


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None, "regular files have a content"
    return file.read()
