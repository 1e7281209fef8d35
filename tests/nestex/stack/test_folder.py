"""Who holds a data folder, and what is remembered in it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from common.errors import Unavailable
from nestex.stack.folder import DataFolder
from tests.nestex.stack.processes import is_running

HOLD_AND_DIE = """
import os, signal, subprocess, sys
from pathlib import Path
from nestex.stack.folder import DataFolder
folder = DataFolder.hold(Path(sys.argv[1]))
child = subprocess.Popen(["sleep", "0.7"], pass_fds=(folder.lock,), stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_folder_that_is_held_is_refused_and_the_holder_is_named(data_path: Path) -> None:
    with DataFolder.hold(data_path), pytest.raises(Unavailable, match=f"in use by process {os.getpid()}"):
        DataFolder.hold(data_path)


def test_a_folder_is_free_again_when_its_holder_lets_it_go(data_path: Path) -> None:
    DataFolder.hold(data_path).close()
    DataFolder.hold(data_path).close()


def test_children_of_a_killed_holder_are_waited_for(data_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", HOLD_AND_DIE, data_path], stdout=subprocess.PIPE, check=False)
    child = int(killed.stdout)
    assert is_running(child)
    DataFolder.hold(data_path).close()
    assert not is_running(child)


def test_a_folder_of_another_user_is_refused(data_path: Path) -> None:
    DataFolder.hold(data_path).close()
    if os.geteuid() == 0:
        os.chown(data_path / "lock", 65534, 65534)
    else:
        (data_path / "lock").chmod(0o400)
    with pytest.raises(Unavailable, match="belongs to"):
        DataFolder.hold(data_path)
    (data_path / "lock").unlink()


def test_what_was_recorded_is_there_at_the_next_start_and_private(data_path: Path) -> None:
    with DataFolder.hold(data_path) as folder:
        assert folder.recall("port") is None
        folder.record("port", "4000")
        folder.record("port", "4001")
    with DataFolder.hold(data_path) as folder:
        assert folder.recall("port") == "4001"
        assert stat.S_IMODE((folder.path / "port").stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.subfolder("log").stat().st_mode) == 0o700


def test_the_modes_of_a_folder_that_exists_are_left_alone(data_path: Path) -> None:
    data_path.mkdir(mode=0o750)
    with DataFolder.hold(data_path):
        assert stat.S_IMODE(data_path.stat().st_mode) == 0o750
