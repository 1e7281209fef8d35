"""Files that hold secrets."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from common.private_files import write_private


def test_only_the_owner_can_read_it_whatever_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_private(tmp_path / "seed", "secret")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "seed").stat().st_mode) == 0o600
    assert (tmp_path / "seed").read_text() == "secret"


def test_a_write_that_fails_leaves_the_old_content_and_no_remains(tmp_path: Path) -> None:
    write_private(tmp_path / "seed", "old")
    with pytest.raises(UnicodeEncodeError):
        write_private(tmp_path / "seed", "\ud800")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("seed", "old")]
