"""One deployment for all stories of a module: faults come one at a time, and everything heals in between."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nestex.stack import supervisor
from nestex.stack.stack import discard
from tests.reliability.founding import running_town
from tests.reliability.town import Town


@pytest.fixture(scope="module")
def patient_children() -> Iterator[pytest.MonkeyPatch]:
    """Children die by design here, again and again; none has to wait long for its restart."""
    patch = pytest.MonkeyPatch()
    patch.setattr(supervisor, "_STEADY_SECONDS", 3.0)
    yield patch
    patch.undo()


@pytest.fixture(scope="module")
def data_path() -> Iterator[Path]:
    """Where a data folder may be made."""
    parent = Path(tempfile.mkdtemp(prefix="nestex-tests-"))
    parent.chmod(0o711)  # PostgreSQL runs as another user when the tests run as root
    yield parent / "data"
    discard(parent / "data")
    shutil.rmtree(parent)


@pytest.fixture(scope="module")
def town(data_path: Path, patient_children: pytest.MonkeyPatch) -> Iterator[Town]:
    with running_town(data_path) as made:
        yield made
