"""The operating system's user that a server of the stack runs as, and how a child is tied to the life of its parent."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from signal import Signals


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the operating system."""

    name: str
    uid: int
    gid: int


def unprivileged_account() -> Account | None:
    """Who runs servers that refuse to run as root; None when this process is not root and may run them itself."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, user.pw_uid, user.pw_gid)
    raise AssertionError("every Linux system has the user nobody")


def tied_command(argv: Sequence[str], death_signal: Signals, account: Account | None = None) -> list[str]:
    """The command, run as `account`, and sent `death_signal` by the kernel when the thread that starts it ends."""
    # setpriv sets the signal after it has changed the user, which would clear it.
    prefix = ["setpriv", "--pdeathsig", death_signal.name.removeprefix("SIG")]
    return [*prefix, *_identity(account), "--", *argv]


def runs_as(account: Account | None, argv: Sequence[str]) -> bool:
    """Whether the command succeeds as `account`: the plain way to know what that user can reach."""
    # Through env, because setpriv itself finds the program with root's capabilities.
    command = ["setpriv", *_identity(account), "--", "env", *argv] if account else argv
    return subprocess.run(command, capture_output=True, cwd="/", check=False).returncode == 0


def _identity(account: Account | None) -> list[str]:
    return [f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"] if account else []
