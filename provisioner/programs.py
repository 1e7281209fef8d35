"""Programs of the system that do one thing and end: qemu-img, mkfs, apt-get. Servers are the stack's business."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from common.errors import Unavailable

PATHS = f"{os.defpath}:/usr/local/sbin:/usr/sbin:/sbin"
"""Where they are looked for: an ordinary user's PATH has no sbin."""

SECONDS = 600.0
_TAIL = 400


def find_program(name: str) -> str | None:
    """Its path; None where it is not installed."""
    return shutil.which(name, path=PATHS)


def run_program(name: str, *arguments: str | Path, folder: Path = Path("/"), good: Sequence[int] = (0,)) -> str:
    """What it writes. Raises Unavailable (`hypervisor_failed`) with the end of its complaint if it fails or hangs."""
    program = find_program(name)
    if program is None:
        raise Unavailable("hypervisor_failed", f"{name} is not installed")
    try:
        done = subprocess.run(
            [program, *map(str, arguments)],
            cwd=folder,
            env={"PATH": PATHS, "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable("hypervisor_failed", f"{name} did not end within {SECONDS:g} s") from error
    if done.returncode not in good:
        complaint = done.stderr.decode(errors="replace").strip()[-_TAIL:]
        raise Unavailable("hypervisor_failed", f"{name} failed: {complaint}")
    return done.stdout.decode(errors="replace")
