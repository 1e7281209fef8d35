"""An initial RAM filesystem: a `newc` cpio archive in which nothing depends on the machine or the day.

It is not compressed: compressors differ from one version to the next, and a guest without KVM starts sooner without.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

_FOLDER, _FILE = 0o040755, 0o100000
_TRAILER = "TRAILER!!!"


def initramfs(files: Mapping[str, tuple[int, bytes]]) -> bytes:
    """The archive of these files: path without a leading slash -> permissions and content. Folders come by themselves.

    The same files give the same bytes.
    """
    folders = {str(parent) for path in files for parent in PurePosixPath(path).parents} - {"."}
    entries = dict.fromkeys(folders, (_FOLDER, b""))
    entries |= {path: (_FILE | permissions, content) for path, (permissions, content) in files.items()}
    archive = bytearray()
    for number, path in enumerate(sorted(entries), start=1):
        mode, content = entries[path]
        _append(archive, number, path, mode, content)
    _append(archive, 0, _TRAILER, 0, b"")
    return bytes(archive)


def _append(archive: bytearray, number: int, path: str, mode: int, content: bytes) -> None:
    name = path.encode() + b"\0"
    owner = links = changed = major = minor = 0
    fields = (number, mode, owner, owner, links + 1, changed, len(content), major, minor, major, minor, len(name), 0)
    archive += b"070701" + b"".join(b"%08X" % field for field in fields) + name
    archive += bytes(-len(archive) % 4)
    archive += content
    archive += bytes(-len(archive) % 4)
