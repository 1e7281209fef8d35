"""hledger and bean-check, as programs of their own, and what they say of a journal."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_APT_GET = "/usr/bin/apt-get"


def hledger_complaint(journal: Path) -> str:
    """Empty when `hledger check --strict ordereddates` holds."""
    command = [_hledger(), "-f", str(journal), "check", "--strict", "ordereddates"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"LC_ALL": "C.UTF-8"}, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def beancount_complaint(journal: Path) -> str:
    """Empty when `bean-check` holds."""
    command = [str(Path(sys.executable).with_name("bean-check")), "-C", str(journal)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def _hledger() -> str:
    """The installed program, or that of the distribution's package, unpacked inside our environment."""
    installed = shutil.which("hledger")
    if installed is not None:
        return installed
    unpacked = Path(sys.prefix) / "hledger"
    with unpacked.with_suffix(".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not unpacked.is_dir():
            _unpack(unpacked)
    return str(unpacked / "usr" / "bin" / "hledger")


def _unpack(unpacked: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="hledger-", dir=unpacked.parent))
    fetch = [_APT_GET, "download", "-q", "hledger"]
    if subprocess.run(fetch, cwd=folder, capture_output=True, check=False).returncode:
        subprocess.run([_APT_GET, "update", "-q"], capture_output=True, check=True)
        subprocess.run(fetch, cwd=folder, capture_output=True, check=True)
    [package] = folder.glob("hledger_*.deb")
    subprocess.run(["/usr/bin/dpkg-deb", "-x", str(package), str(folder)], check=True)
    folder.rename(unpacked)
