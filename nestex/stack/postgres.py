"""The embedded PostgreSQL as a child of the supervisor, on 127.0.0.1 only, at a port that it keeps when it can."""

from __future__ import annotations

import secrets
from pathlib import Path
from signal import Signals
from urllib.parse import quote

import psycopg
from psycopg import sql

from common.errors import InvalidInput, Unavailable
from nestex.stack.folder import DataFolder
from nestex.stack.ports import LOOPBACK, free_port, is_free
from nestex.stack.postgres_home import ENVIRONMENT, SHARED_MEMORY, SUPERUSER, PostgresHome, prepare_home
from nestex.stack.supervisor import Child, Supervisor

DATABASE = "nestex"

_PASSWORD = "postgres.password"  # noqa: S105  # the name of the file
_PORT = "postgres.port"
_PORT_ATTEMPTS = 3
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # their paths may have 107 bytes, which a data folder's path can exceed
    **SHARED_MEMORY,
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "200",
    "log_line_prefix": "%m [%p] %a ",
}
_FAST_AND_LOSSY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def start_postgres(supervisor: Supervisor, *, durable: bool = True) -> str:
    """The URL of the stack's database, served and empty at the first start.

    `durable=False` trades safety at a power failure for speed: for data that nobody will miss. Raises Unavailable
    (`stack_failed`) with PostgreSQL's own words if it does not start.
    """
    folder = supervisor.folder
    password = folder.recall(_PASSWORD) or _new_password(folder)
    home = prepare_home(folder, password)
    port = int(folder.recall(_PORT) or free_port())
    for attempt in range(1, _PORT_ATTEMPTS + 1):
        if not is_free(port):
            port = free_port()
        try:
            supervisor.start(_child(home, port, password, durable))
        except Unavailable:
            if is_free(port) or attempt == _PORT_ATTEMPTS:
                raise  # for a reason of its own; a port that somebody else took in between is tried again elsewhere
        else:
            break
    folder.record(_PORT, str(port))
    _create_database(_url(port, password, "postgres"))
    return _url(port, password, DATABASE)


def recorded_url(path: Path) -> str:
    """The URL of the database that a stack over the folder at `path` serves, or served. Raises InvalidInput."""
    try:
        password, port = ((path / name).read_text(encoding="utf-8") for name in (_PASSWORD, _PORT))
    except OSError as error:
        raise InvalidInput("invalid_field", f"{path} is no data folder of an embedded stack", field="data") from error
    return _url(int(port), password, DATABASE)


def _new_password(folder: DataFolder) -> str:
    password = secrets.token_hex(16)
    folder.record(_PASSWORD, password)
    return password


def _child(home: PostgresHome, port: int, password: str, durable: bool) -> Child:
    settings = _SETTINGS | {"port": str(port)} | ({} if durable else _FAST_AND_LOSSY)
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def answers(pid: int) -> bool:
        try:
            psycopg.connect(_url(port, password, "postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    return Child(
        name="postgres",
        argv=(home.program("postgres"), "-D", str(home.data), *options),
        environment=ENVIRONMENT,
        ready=answers,
        ready_seconds=120.0,  # recovery after a crash replays its log first
        stop_signal=Signals.SIGINT,  # "fast": sessions are ended, nothing is lost
        stop_seconds=60.0,
        account=home.account,
    )


def _url(port: int, password: str, database: str) -> str:
    return f"postgresql://{SUPERUSER}:{quote(password)}@{LOOPBACK}:{port}/{database}"


def _create_database(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if found is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
