"""One deployment for all stories, or for those of one worker: faults come one at a time, and all heals in between. A
story that needs more has a deployment of its own, at `data_path`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nestex.stack import supervisor
from nestex.stack.stack import discard
from tests.reliability.founding import running_town
from tests.reliability.town import Town


@pytest.fixture(scope="package")
def patient_children() -> Iterator[pytest.MonkeyPatch]:
    """Children die by design here, again and again; none has to wait long for its restart."""
    patch = pytest.MonkeyPatch()
    patch.setattr(supervisor, "_STEADY_SECONDS", 3.0)
    yield patch
    patch.undo()


@pytest.fixture
def data_path() -> Iterator[Path]:
    """Where a data folder may be made."""
    with _data_path() as path:
        yield path


@pytest.fixture(scope="package")
def town(patient_children: pytest.MonkeyPatch) -> Iterator[Town]:
    with _data_path() as path, running_town(path) as made:
        yield made


@contextmanager
def _data_path() -> Iterator[Path]:
    parent = Path(tempfile.mkdtemp(prefix="nestex-tests-"))
    parent.chmod(0o711)  # PostgreSQL runs as another user when the tests run as root
    try:
        yield parent / "data"
    finally:
        discard(parent / "data")
        shutil.rmtree(parent)
