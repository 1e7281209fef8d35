"""PostgreSQL's own programs for copying a database: `pg_dump`, `pg_restore` and `psql`, from the wheel."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from common.errors import Unavailable
from nestex.stack.postgres_home import client_program


def dump(url: str, snapshot: str, target: Path) -> None:
    """Write the database as it is in an exported snapshot. Raises Unavailable (`database_unavailable`)."""
    address, environment = _connection(url)
    options = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", f"--file={target}"]
    done = subprocess.run(
        [client_program("pg_dump"), *options, f"--dbname={address}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Unavailable("database_unavailable", f"pg_dump failed: {done.stderr.strip()}")


def play(url: str, source: Path, *, before: str, after: str) -> None:
    """Run `before`, all that the dump says, and `after`, in one transaction. Raises Unavailable
    (`database_unavailable`) when any of it fails, and then nothing has happened."""
    address, environment = _connection(url)
    script = subprocess.Popen(
        [client_program("pg_restore"), "--no-owner", "--no-privileges", "--file=-", str(source)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    options = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--file=-"]
    database = subprocess.Popen(
        [client_program("psql"), *options, f"--dbname={address}"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        _feed(database, script, before, after)
    finally:
        for process in (script, database):
            process.kill()  # what is not whole must not be committed; an end that has come already is not disturbed
            process.wait()


def _feed(database: subprocess.Popen[bytes], script: subprocess.Popen[bytes], before: str, after: str) -> None:
    assert database.stdin is not None
    assert database.stderr is not None
    assert script.stdout is not None
    assert script.stderr is not None
    try:
        database.stdin.write(before.encode())
        while part := script.stdout.read(1 << 20):
            database.stdin.write(part)
        if script.wait() != 0:
            raise Unavailable("database_unavailable", f"pg_restore failed: {script.stderr.read().decode().strip()}")
        database.stdin.write(after.encode())
        database.stdin.close()  # here psql commits
    except BrokenPipeError:
        pass  # psql has ended, and says why
    if database.wait() != 0:
        raise Unavailable("database_unavailable", f"psql failed: {database.stderr.read().decode().strip()}")


def _connection(url: str) -> tuple[str, dict[str, str]]:
    """The address without the password, which goes by the environment: arguments are seen by everybody."""
    parts = conninfo_to_dict(url)
    password = parts.pop("password", None)
    environment = {"PATH": os.defpath} | {name: value for name, value in os.environ.items() if name.startswith("PG")}
    return make_conninfo("", **parts), environment | ({"PGPASSWORD": str(password)} if password else {})
