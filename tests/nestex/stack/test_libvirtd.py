"""Private libvirtds with the test driver."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import libvirt
import pytest

from common.clock import SystemClock
from nestex.stack.folder import DataFolder
from nestex.stack.libvirtd import discard_sockets, start_libvirtd
from nestex.stack.supervisor import Supervisor
from tests.nestex.stack.processes import once_back

DOMAIN = "<domain type='test'><name>guest</name><memory>1024</memory><os><type>hvm</type></os></domain>"


def _define(uri: str) -> None:
    connection = libvirt.open(uri)
    connection.defineXML(DOMAIN).create()
    connection.close()


def _running(uri: str) -> set[str]:
    connection = libvirt.open(uri)
    try:
        return {domain.name() for domain in connection.listAllDomains() if domain.isActive()}
    finally:
        connection.close()


def test_domains_outlive_those_who_made_them(supervisor: Supervisor) -> None:
    uri = start_libvirtd(supervisor, "node-1")
    _define(uri)
    assert _running(uri) == {"guest", "test"}


def test_nodes_have_hypervisors_of_their_own(supervisor: Supervisor) -> None:
    first, second = (start_libvirtd(supervisor, name) for name in ("node-1", "node-2"))
    _define(first)
    assert _running(second) == {"test"}


def test_after_a_crash_it_comes_back_at_the_same_uri_and_keeps_domains_again(supervisor: Supervisor) -> None:
    uri = start_libvirtd(supervisor, "node-1")
    os.kill(supervisor.pid("libvirtd-node-1"), signal.SIGKILL)
    once_back(supervisor, lambda: _define(uri), (libvirt.libvirtError,))
    assert _running(uri) == {"guest", "test"}


@pytest.mark.parametrize("length", [72, 73, 74, 79, 80, 120])
def test_a_socket_whose_path_may_be_too_long_lives_elsewhere_and_is_found_again(data_path: Path, length: int) -> None:
    deep = data_path / ("d" * (length - len(str(data_path))))
    uris = []
    for _ in range(2):
        with DataFolder.hold(deep) as folder, Supervisor(folder, SystemClock()) as supervisor:
            uris.append(start_libvirtd(supervisor, "node-1"))
            assert _running(uris[-1]) == {"test"}
    assert uris[0] == uris[1]
    sockets = Path(uris[0].partition("socket=")[2]).parent
    with DataFolder.hold(deep) as folder:
        discard_sockets(folder)
    assert sockets.exists() == sockets.is_relative_to(data_path)
