"""The embedded PostgreSQL over starts, crashes and odd folders."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import Signals
from urllib.parse import urlsplit

import psycopg
import pytest

from common.clock import SystemClock
from common.errors import Unavailable
from nestex.stack.accounts import tied_command, unprivileged_account
from nestex.stack.folder import DataFolder
from nestex.stack.postgres import start_postgres
from nestex.stack.postgres_home import discard_home
from nestex.stack.supervisor import Supervisor


@contextmanager
def _served(path: Path) -> Iterator[str]:
    with DataFolder.hold(path) as folder, Supervisor(folder, SystemClock()) as supervisor:
        yield start_postgres(supervisor, durable=False)


def _one(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def _home(path: Path) -> Path:
    recorded = path / "postgres.place"
    return Path(recorded.read_text()) if recorded.exists() else path / "postgres"


def test_data_address_and_password_are_found_again_at_the_next_start(data_path: Path) -> None:
    with _served(data_path) as first, psycopg.connect(first) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    with _served(data_path) as second:
        assert second == first
        assert _one(second, "SELECT answer FROM kept") == 42


def test_it_is_set_up_as_the_service_expects_it(data_path: Path) -> None:
    with _served(data_path) as url:
        assert str(_one(url, "SHOW server_version")).startswith("18.")
        assert _one(url, "SHOW server_encoding") == "UTF8"
        assert _one(url, "SELECT datcollate FROM pg_database WHERE datname = current_database()") == "C"
        assert _one(url, "SHOW timezone") == "UTC"
        assert _one(url, "SHOW listen_addresses") == "127.0.0.1"
        assert _one(url, "SHOW unix_socket_directories") == ""
        assert _one(url, "SHOW dynamic_shared_memory_type") == "mmap"


def test_it_is_durable_unless_told_otherwise(supervisor: Supervisor) -> None:
    url = start_postgres(supervisor)
    assert [_one(url, f"SHOW {name}") for name in ("fsync", "full_page_writes", "synchronous_commit")] == ["on"] * 3


def test_nobody_gets_in_without_the_password(data_path: Path) -> None:
    with _served(data_path) as url:
        address = urlsplit(url)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(url.replace(str(address.password), "guessed"))
        with pytest.raises(psycopg.OperationalError, match="no password"):
            psycopg.connect(url.replace(f":{address.password}@", "@"), passfile="/dev/null")


def test_a_port_that_somebody_took_in_between_is_replaced(data_path: Path) -> None:
    with _served(data_path) as first:
        taken = urlsplit(first).port
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", taken))
        other.listen()
        with _served(data_path) as second:
            assert urlsplit(second).port != taken
            assert _one(second, "SELECT 1") == 1


def test_a_pid_file_that_a_crash_left_does_not_stop_the_next_start(data_path: Path) -> None:
    with _served(data_path):
        pass
    # Its number belongs to another process of the same user by now.
    with subprocess.Popen(tied_command(["sleep", "60"], Signals.SIGKILL, unprivileged_account())) as other:
        try:
            (_home(data_path) / "data" / "postmaster.pid").write_text(f"{other.pid}\n{data_path}\n")
            with _served(data_path) as url:
                assert _one(url, "SELECT 1") == 1
        finally:
            other.kill()


def test_remains_of_a_first_start_that_was_interrupted_are_cleared(data_path: Path) -> None:
    with _served(data_path):
        pass
    home = _home(data_path)
    (home / "data").rename(home / "data.new")
    with _served(data_path) as url:
        assert _one(url, "SELECT 1") == 1
    assert [path.name for path in home.iterdir()] == ["data"]


def test_a_long_path_is_no_problem(data_path: Path) -> None:
    deep = data_path / ("d" * 120) / ("e" * 60)
    data_path.mkdir(mode=0o755)
    try:
        with _served(deep) as url:
            assert _one(url, "SELECT 1") == 1
    finally:
        with DataFolder.hold(deep) as folder:
            discard_home(folder)


def test_a_folder_below_one_that_is_closed_to_others_serves_too_and_leaves_its_modes_alone(data_path: Path) -> None:
    data_path.mkdir(mode=0o700)
    inner = data_path / "inner"
    try:
        with _served(inner) as first, psycopg.connect(first) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        with _served(inner) as second:
            assert _one(second, "SELECT answer FROM kept") == 42
        assert data_path.stat().st_mode & 0o777 == 0o700
    finally:
        with DataFolder.hold(inner) as folder:
            discard_home(folder)
    assert not (inner / "postgres.place").exists() or not _home(inner).exists()


def test_a_copied_folder_does_not_share_the_database_of_its_original(data_path: Path) -> None:
    data_path.mkdir(mode=0o700)
    original, copy = data_path / "original", data_path / "copy"
    try:
        with _served(original):
            pass
        shutil.copytree(original, copy)
        if (copy / "postgres.place").exists():
            with pytest.raises(Unavailable, match="is a copy of"), _served(copy):
                pass
        else:
            with _served(copy) as url, psycopg.connect(url) as connection:
                connection.execute("CREATE TABLE only_in_copy ()")
            with _served(original) as url:
                assert _one(url, "SELECT to_regclass('only_in_copy')") is None
    finally:
        with DataFolder.hold(original) as folder:
            discard_home(folder)


def test_words_of_postgres_itself_are_told_when_it_does_not_start(data_path: Path) -> None:
    with _served(data_path):
        pass
    (_home(data_path) / "data" / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(Unavailable, match=r"(?s)postgres ended with exit code 1.*no_such_setting"), _served(data_path):
        pass
