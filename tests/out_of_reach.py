"""What cannot be tried on every machine: it is left out there, and the run's last lines say so."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pytest


@dataclass(frozen=True, slots=True)
class Need:
    """Tests that use one of `fixtures`, or are for one of the `variants` of their parameters, are `what`; they need
    `means`, and `is_met` says whether that is here."""

    what: str
    means: str
    fixtures: frozenset[str]
    is_met: Callable[[], bool]
    variants: frozenset[str] = frozenset()

    def is_of(self, item: pytest.Item) -> bool:
        """Whether the test needs it."""
        parameters = getattr(item, "callspec", None)
        variants = set() if parameters is None else {str(value) for value in parameters.params.values()}
        return bool(self.fixtures & set(getattr(item, "fixturenames", ())) or self.variants & variants)


def _is_root() -> bool:
    return os.geteuid() == 0


def _is_root_on_debian() -> bool:
    return _is_root() and platform.freedesktop_os_release().get("ID") == "debian"


@cache
def _can_lay_wires() -> bool:
    """Tried in a namespace of its own, which takes everything with it when it ends."""
    needed = ("ip", "unshare", "nsenter")
    if not _is_root() or not all(shutil.which(program) for program in needed):
        return False
    probe = ["unshare", "--net", "--", "ip", "link", "add", "nestex-a", "type", "veth", "peer", "name", "nestex-b"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


NEEDS = (
    Need(
        "real guests",
        "root, for libvirt's namespaces, cgroups and devices, and Debian, for the small guest's kernel",
        frozenset({"real_node", "real_guests"}),
        _is_root_on_debian,
        frozenset({"qemu"}),
    ),
    Need("a full disk", "root, to make a small one", frozenset({"small_disk"}), _is_root),
    Need("a pool that is mounted", "root, to mount one", frozenset({"mounted_pool"}), _is_root),
    Need("a network that is cut", "root, ip(8) and network namespaces", frozenset({"wire"}), _can_lay_wires),
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs what is not here."""
    impossible = [item for item in items if any(need.is_of(item) for need in _unmet())]
    config.hook.pytest_deselected(items=impossible)
    items[:] = [item for item in items if item not in impossible]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The last words of a run that left something out."""
    for need in _unmet():
        terminalreporter.write_line(f"NOT TESTED: {need.what}, which needs {need.means}", red=True, bold=True)


def _unmet() -> list[Need]:
    return [need for need in NEEDS if not need.is_met()]
