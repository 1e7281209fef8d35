"""System clocks that are off: a process that starts meanwhile reads another time than the rest of the world.

Only `common.clock` reads the system's time, once at a process's start; so a clock that jumps is met by the next start.
The patch comes by Python's own `sitecustomize`: the product knows nothing of it.
"""

from __future__ import annotations

import os
from pathlib import Path

_PATCH = """
import os, time
from pathlib import Path

_read = time.time_ns
_off = Path(__file__).with_name("seconds_off")
_nanos = int(_off.read_text()) * 1_000_000_000 if _off.exists() else 0
time.time_ns = lambda: _read() + _nanos
"""


def environment(folder: Path) -> dict[str, str]:
    """What a process has to be told; the patch is put into a folder inside this one."""
    place = _place(folder)
    place.mkdir(exist_ok=True)
    (place / "sitecustomize.py").write_text(_PATCH)
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(place), os.environ.get("PYTHONPATH"))))}


def put_off(folder: Path, seconds: int) -> None:
    """Processes that start from now on are so far off."""
    (_place(folder) / "seconds_off").write_text(str(seconds))


def _place(folder: Path) -> Path:
    return folder / "clock"
