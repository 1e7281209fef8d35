"""A private libvirtd with QEMU, one for a node: real guests, beside whatever libvirt the machine has, without systemd.

It runs in namespaces of its own. Libvirt's folders and the system's list of users are the node's there, so that nothing
of the machine is read or changed; and every guest ends with the stack, however that ends. A libvirtd that is killed is
started again, and finds its guests running.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from signal import Signals

from common.errors import Unavailable
from nestex.stack.libvirtd import Keeper, libvirt_home, libvirtd_command, libvirtd_environment
from nestex.stack.supervisor import Child, Supervisor

_NEEDS = ("qemu-system-x86_64", "qemu-img", "mke2fs")
_DRIVER = "libvirt_driver_qemu.so"
_FOLDERS = {
    "etc": "/etc/libvirt",
    "lib": "/var/lib/libvirt",
    "run": "/run/libvirt",
    "cache": "/var/cache/libvirt",
    "log": "/var/log/libvirt",
    "lock": "/var/lock",
}
_USER = "libvirt-qemu"  # Debian's libvirt does not start without this user and group, whoever it is told to use
_UID = 64055

_QEMU_CONF = """\
user = "root"
group = "root"
security_driver = "none"
dynamic_ownership = 0
remember_owner = 0
stdio_handler = "file"
namespaces = []
"""
_NAMESPACES = ("unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")

# The first process of the namespaces: $1 is the node's folder, the rest the command, which is run again when it ends.
# Without systemd all guests of the machine together weigh as much as one process of it; here, as much as sixteen.
_FIRST = """\
home=$1
shift
while read -r own place; do
    [ -e "$place" ] || mkdir "$place" || exit 1
    mount --bind "$home/$own" "$place" || exit 1
done <"$home/places"
for weight in cpu/machine/cpu.shares=16384 cpu,cpuacct/machine/cpu.shares=16384 machine/cpu.weight=1600; do
    group=/sys/fs/cgroup/${weight%%=*}
    [ ! -e "${group%%/machine/*}/cgroup.procs" ] || mkdir -p "${group%/*}"
    [ ! -e "$group" ] || echo "${weight##*=}" >"$group"
done 2>/dev/null
while :; do
    "$@"
    sleep 0.5
done
"""


def start_qemu_libvirtd(supervisor: Supervisor, node: str) -> str:
    """The libvirt URI of the node's own hypervisor.

    Raises Unavailable (`stack_failed`) if something is not installed, or the machine does not let it start.
    """
    if os.geteuid() != 0:
        raise Unavailable("stack_failed", "real guests need root: libvirt gives them namespaces, cgroups and devices")
    _require_programs()
    home, socket = libvirt_home(supervisor.folder, node)
    uri = f"qemu+unix:///system?socket={socket}"
    _furnish(home)
    child = Child(
        name=f"libvirtd-{node}",
        argv=(*_NAMESPACES, "sh", "-c", _FIRST, "libvirtd", str(home), *libvirtd_command(home)),
        environment=libvirtd_environment(home),
        ready=Keeper(uri, socket),
        # unshare waits for its child and heeds no other signal; the kernel ends all that is in the namespaces with it.
        stop_signal=Signals.SIGKILL,
    )
    supervisor.start(child)
    return uri


def _furnish(home: Path) -> None:
    """What stands for the machine's own files and folders inside."""
    for own in _FOLDERS:
        (home / own).mkdir(exist_ok=True)
    (home / "etc" / "qemu.conf").write_text(_QEMU_CONF, encoding="utf-8")
    drivers = home / "drivers"
    drivers.mkdir(exist_ok=True)
    link = drivers / _DRIVER
    link.unlink(missing_ok=True)
    link.symlink_to(_driver())
    for name, line in (("passwd", f"{_USER}:x:{_UID}:{_UID}::/:/usr/sbin/nologin"), ("group", f"{_USER}:x:{_UID}:")):
        known = Path("/etc", name).read_text(encoding="utf-8")
        missing = not any(entry.startswith(f"{_USER}:") for entry in known.splitlines())
        (home / name).write_text(known + (f"{line}\n" if missing else ""), encoding="utf-8")
    places = _FOLDERS | {"passwd": "/etc/passwd", "group": "/etc/group"}
    (home / "places").write_text("".join(f"{own} {place}\n" for own, place in places.items()), encoding="utf-8")


def _driver() -> Path:
    for folder in ("/usr/lib", "/usr/lib64", "/usr/local/lib"):
        for pattern in (f"libvirt/connection-driver/{_DRIVER}", f"*/libvirt/connection-driver/{_DRIVER}"):
            for found in Path(folder).glob(pattern):
                return found
    raise _missing(f"libvirt's QEMU driver ({_DRIVER})")


def _require_programs() -> None:
    for program in _NEEDS:
        if shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin") is None:
            raise _missing(program)


def _missing(what: str) -> Unavailable:
    return Unavailable("stack_failed", f"real guests need {what}, which is not installed: run `make guests`")
