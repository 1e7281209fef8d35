"""Data folders and supervisors for the tests of the stack, apart from the run's own servers."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.clock import SystemClock
from nestex.stack.folder import DataFolder
from nestex.stack.stack import discard
from nestex.stack.supervisor import Supervisor


@pytest.fixture
def data_path() -> Iterator[Path]:
    """Where a data folder may be made; it is deleted with all that belongs to it."""
    # Not tmp_path: as root, another user's server must be able to get through to it.
    parent = Path(tempfile.mkdtemp(prefix="nestex-tests-"))
    parent.chmod(0o711)
    yield parent / "data"
    discard(parent / "data")  # which waits for children of a supervisor that the test killed
    shutil.rmtree(parent)


@pytest.fixture
def supervisor(data_path: Path) -> Iterator[Supervisor]:
    with DataFolder.hold(data_path) as folder, Supervisor(folder, SystemClock()) as supervisor:
        yield supervisor
