"""What a backup is: a folder with the database as `pg_dump` writes it, what the folder of an embedded stack holds
beside it, and a manifest that says of which moment all of it is.

The folder is made under another name and renamed when it is whole. It is for its owner only: it holds secrets.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from common import codec
from common.errors import Conflict, InvalidInput
from common.private_files import write_private

FORMAT = 1
DUMP = "database.dump"
FILES = "files"
_MANIFEST = "backup.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """`format` is the version of this layout, `revision` that of the schema. `moment` is when the database looked like
    this, real time in UTC, and `market_time` the same instant on the market's clock."""

    format: int
    nestex: str
    revision: str
    moment: str
    market_time: str
    generation: int
    dump_sha256: str


@contextmanager
def making(target: Path) -> Iterator[Path]:
    """A folder that becomes `target` at the end, or is gone if anything fails. Raises Conflict (`already_exists`)."""
    if target.exists():
        raise Conflict("already_exists", f"{target} is there already", field="folder")
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    partial.mkdir(mode=0o700, parents=True)
    try:
        yield partial
        partial.rename(target)
    except BaseException:
        shutil.rmtree(partial)
        raise


def seal(folder: Path, manifest: Manifest) -> None:
    """Write the manifest, the last thing that a backup gets."""
    write_private(folder / _MANIFEST, codec.encode(manifest).decode())


def read(folder: Path) -> Manifest:
    """The manifest of a backup whose dump is as it was written. Raises InvalidInput (`backup_unusable`)."""
    try:
        manifest = codec.decode(Manifest, (folder / _MANIFEST).read_bytes(), lenient=True)
    except (OSError, InvalidInput) as error:
        raise InvalidInput("backup_unusable", f"{folder} is no backup: {error}", field="folder") from error
    if manifest.format != FORMAT:
        problem = f"{folder} has format {manifest.format}, this version reads {FORMAT}"
        raise InvalidInput("backup_unusable", problem, field="folder")
    if not (folder / DUMP).exists() or sha256(folder / DUMP) != manifest.dump_sha256:
        raise InvalidInput("backup_unusable", f"{folder / DUMP} is not what was written", field="folder")
    return manifest


def sha256(path: Path) -> str:
    """Of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
