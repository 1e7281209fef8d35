"""A folder that lives in memory where the system has a place for that."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108  # a folder of our own is made in it


@contextmanager
def memory_folder() -> Iterator[Path]:
    """A fresh one. An agent's file is written to disk at every step: a simulation needs none of that."""
    path = Path(tempfile.mkdtemp(prefix="nestex-simulation-", dir=_MEMORY if _MEMORY.is_dir() else None))
    try:
        yield path
    finally:
        shutil.rmtree(path)
