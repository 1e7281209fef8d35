"""The database of a data folder, for as long as a backup or a restore takes; and what the folder holds beside it.

Without its keys and its port a bus that was lost would not be the one that the agents know.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from common.clock import RealClock
from nestex.backups import archive
from nestex.stack.folder import DataFolder
from nestex.stack.postgres import recorded_url, start_postgres
from nestex.stack.supervisor import Supervisor

_FILES = ("operator.key", "nats.port", "nats/authority.json", "nats/agents.json", "nats/server.creds")


@contextmanager
def served(data: Path, clock: RealClock) -> Iterator[str]:
    """The URL of the folder's database, which is started where no `nestex up` runs. Raises InvalidInput for a folder
    without one."""
    url = recorded_url(data)
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        with alone(data, clock) as started:
            yield started
    else:
        yield url


@contextmanager
def alone(data: Path, clock: RealClock) -> Iterator[str]:
    """The URL of the folder's database, made where it is missing, with nobody else on the folder. Raises Unavailable
    (`stack_failed`) when somebody is."""
    with DataFolder.hold(data) as folder, Supervisor(folder, clock) as supervisor:
        yield start_postgres(supervisor)


def kept_files(data: Path) -> dict[str, Path]:
    """What goes with a backup of the folder's database, by name."""
    return {name: data / name for name in _FILES if (data / name).exists()}


def put_back(source: Path, data: Path) -> list[str]:
    """Copy what the backup has of these and the folder lacks; the names."""
    missing = [name for name in _FILES if (source / archive.FILES / name).exists() and not (data / name).exists()]
    for name in missing:
        (data / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copy2(source / archive.FILES / name, data / name)
    return missing
