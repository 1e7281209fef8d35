"""The small guest, as `nestex image build` makes it of Debian's packages: once for a run of the tests, whichever worker
comes first."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nestex.cli.app import app


def built_image(config: pytest.Config) -> Path:
    """The folder of the image, which is the run's: to be copied, and not to be changed."""
    run = getattr(config, "workerinput", {}).get("testrunuid")
    shared = Path(tempfile.gettempdir()) / f"nestex-images-{run or os.getpid()}"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "nestex-l2.json").exists():
            made = CliRunner().invoke(app, ["image", "build", "--kind", "l2", "--out", str(shared)])
            assert made.exit_code == 0, (made.output, made.exception)
            if run is None:
                config.add_cleanup(lambda: shutil.rmtree(shared))
    return shared
