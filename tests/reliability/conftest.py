"""One deployment for all stories of a module: faults come one at a time, and everything heals in between."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nestex.stack import supervisor
from nestex.stack.stack import discard
from tests.reliability.town import Town, running_town


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    patch = pytest.MonkeyPatch()
    patch.setattr(supervisor, "_STEADY_SECONDS", 3.0)  # children die by design here, again and again
    parent = Path(tempfile.mkdtemp(prefix="nestex-tests-"))
    parent.chmod(0o711)  # PostgreSQL runs as another user when the tests run as root
    try:
        with running_town(parent / "data") as made:
            yield made
        discard(parent / "data")
    finally:
        patch.undo()
        shutil.rmtree(parent)
