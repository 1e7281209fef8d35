"""Other order books and a gateway, out of `bench/peers.lock`, in a folder of their own: nothing of the product ever
sees them.

They are fetched once for each Python, by pip, which checks every file's hash.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

_LOCK = Path(__file__).with_name("peers.lock")
_NEWER = ("python3.14", "python3.13", "python3.12")


def newer_python() -> str | None:
    """A Python of 3.12 or later that runs, for those that need one: what BENCH_PYTHON names, this one, or else one on
    the PATH."""
    named = os.environ.get("BENCH_PYTHON")
    if named is None and sys.version_info >= (3, 12):
        return sys.executable
    for name in (named,) if named else _NEWER:
        if (found := shutil.which(name)) and _version(found):
            return found
    return None


def peers_folder(cache: Path, python: str) -> Path:
    """The folder with the packages for that Python. Raises CalledProcessError, with what pip said in `stdout`."""
    key = hashlib.sha256(_LOCK.read_bytes() + _version(python).encode()).hexdigest()[:16]
    folder = cache / f"peers-{key}"
    if not folder.exists():
        work = folder.with_suffix(".new")
        shutil.rmtree(work, ignore_errors=True)
        options = ["--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:", "--target", str(work)]
        command = [sys.executable, "-m", "pip", "--python", python, "install", *options, "-r", str(_LOCK)]
        subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        work.rename(folder)
    return folder


def _version(python: str) -> str:
    done = subprocess.run([python, "-c", "import sys; print(sys.version)"], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""
