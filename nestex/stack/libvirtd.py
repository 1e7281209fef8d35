"""A private libvirtd with libvirt's test driver, one for each node of a demo: real libvirt calls, no hypervisor.

The test driver's domains live in the daemon, for as long as somebody is connected. The supervisor's process stays
connected to each, so that the domains outlive an agent that is killed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import libvirt

from common.errors import Unavailable
from nestex.stack.folder import DataFolder
from nestex.stack.supervisor import Child, Supervisor

_CONFIGURATION = "libvirtd.conf"
_SOCKET = "libvirt-sock"
_LONGEST_SOCKET = "libvirt-admin-sock"  # libvirtd makes this one too
_RECORD = ".sockets"
_LONGEST_SOCKET_PATH = 107


def start_libvirtd(supervisor: Supervisor, node: str) -> str:
    """The libvirt URI of the node's own hypervisor, running the one domain that libvirt's test driver begins with.

    Raises Unavailable (`stack_failed`) if libvirtd is not installed or does not start.
    """
    home, socket = libvirt_home(supervisor.folder, node)
    uri = f"test+unix:///default?socket={socket}"
    child = Child(
        name=f"libvirtd-{node}",
        argv=libvirtd_command(home),
        environment=libvirtd_environment(home),
        ready=Keeper(uri, socket),
    )
    supervisor.start(child)
    return uri


def libvirt_home(folder: DataFolder, node: str) -> tuple[Path, Path]:
    """The folder of a node's libvirtd, with its configuration, and the path of the socket that it will make."""
    home = folder.subfolder(f"libvirt/{node}")
    sockets = _socket_folder(folder, node, home)
    (home / _CONFIGURATION).write_text(
        f'listen_tls = 0\nlisten_tcp = 0\nunix_sock_dir = "{sockets}"\n'
        'auth_unix_rw = "none"\nauth_unix_ro = "none"\nunix_sock_rw_perms = "0700"\n',
        encoding="utf-8",
    )
    socket = sockets / _SOCKET
    socket.unlink(missing_ok=True)
    return home, socket


def discard_sockets(folder: DataFolder) -> None:
    """Delete the folders of sockets that stacks over this folder keep outside it."""
    for record in (folder.path / "libvirt").glob(f"*{_RECORD}"):
        shutil.rmtree(record.read_text(encoding="utf-8"), ignore_errors=True)


def libvirtd_command(home: Path) -> tuple[str, ...]:
    """Program and arguments of this home's libvirtd. Raises Unavailable (`stack_failed`) if it is not installed."""
    # An ordinary user's PATH has no sbin.
    found = shutil.which("libvirtd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise Unavailable("stack_failed", "libvirtd is not installed: apt-get install libvirt-daemon")
    return (found, "-f", str(home / _CONFIGURATION), "-p", str(home / "libvirtd.pid"))


def libvirtd_environment(home: Path) -> dict[str, str]:
    """Its environment: nothing of the user's home, and only the drivers that the folder `drivers` of its own has."""
    drivers = home / "drivers"
    drivers.mkdir(exist_ok=True)
    return {
        "PATH": f"{os.defpath}:/usr/sbin:/sbin",
        "LC_ALL": "C",
        # All that a daemon of an ordinary user would keep under its home.
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home),
        "XDG_CONFIG_HOME": str(home),
        "XDG_CACHE_HOME": str(home),
        # Empty, for the test driver, which is built in; others would touch the host's networks, and as root want the
        # user libvirt-qemu.
        "LIBVIRT_DRIVER_DIR": str(drivers),
    }


class Keeper:
    """Opens the connection that keeps the domains, anew when libvirtd was restarted."""

    def __init__(self, uri: str, socket: Path) -> None:
        self._uri = uri
        self._socket = socket
        self._connection: libvirt.virConnect | None = None

    def __call__(self, pid: int) -> bool:
        """Whether it answers."""
        if not self._socket.exists():
            return False  # libvirt would print its complaint
        try:
            self._connection = libvirt.open(self._uri)
        except libvirt.libvirtError:
            return False
        return True


def _socket_folder(folder: DataFolder, node: str, home: Path) -> Path:
    """The node's folder, or where the path of a socket in it would be too long, a short one that is found again."""
    if _fits(home):
        return home
    record = f"libvirt/{node}{_RECORD}"
    recorded = folder.recall(record)
    if recorded is not None and _is_ours(Path(recorded)):
        return Path(recorded)
    short = tempfile.mkdtemp(prefix="nestex-", dir="/tmp")  # under a random name, and ours alone
    folder.record(record, short)
    return Path(short)


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / _LONGEST_SOCKET)) <= _LONGEST_SOCKET_PATH


def _is_ours(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and path.stat().st_uid == os.geteuid()
