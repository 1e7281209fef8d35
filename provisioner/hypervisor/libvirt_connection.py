"""A connection to libvirt that is opened at the first call, and again after it was lost: a restarted libvirtd needs
nobody's help. With it, libvirt's event loop and its errors as ours.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import libvirt

from common.errors import Unavailable

_KEEPALIVE_SECONDS = 5
_KEEPALIVE_MISSES = 3
_NO_MEMORY = ("Cannot allocate memory", "failed to allocate", "out of memory")
"""How QEMU, the libraries in it, and libvirt say so: libvirt's code for what QEMU says is that of any failure."""


class Connection:
    """Call it for the open connection. `notify` is called for every change of a domain, from another thread."""

    def __init__(self, uri: str) -> None:
        start_event_loop()
        self.notify: Callable[[], None] = lambda: None
        self._uri = uri
        self._open: Any = None

    def __call__(self) -> Any:
        """Raises libvirtError."""
        if self._open is None or not self._open.isAlive():
            self._open = libvirt.open(self._uri)
            if not self._uri.startswith("test:"):  # a driver in this process has no line that could break
                self._open.setKeepAlive(_KEEPALIVE_SECONDS, _KEEPALIVE_MISSES)
            self._open.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._on_event, None)
        return self._open

    def close(self) -> None:
        """The next call opens another."""
        if self._open is not None:
            with failures("close"):
                self._open.close()
            self._open = None

    def _on_event(self, *_event: object) -> None:
        self.notify()


@contextmanager
def failures(attempt: str) -> Iterator[None]:
    """libvirt's errors as Unavailable (`hypervisor_failed`, or `out_of_memory`)."""
    try:
        yield
    except libvirt.libvirtError as error:
        if any(sign in str(error) for sign in _NO_MEMORY):
            raise Unavailable("out_of_memory", f"the node has no memory left, {attempt}: {error}") from error
        raise Unavailable("hypervisor_failed", f"libvirt, {attempt}: {error}") from error


@cache
def start_event_loop() -> None:
    """libvirt's event loop, once in a process and before the first connection: events and keepalive need it."""
    libvirt.registerErrorHandler(_silent, None)
    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(target=_run_events, name="libvirt-events", daemon=True).start()


def _run_events() -> None:
    while True:
        libvirt.virEventRunDefaultImpl()


def _silent(_context: object, _error: object) -> None:
    """Errors come as exceptions; libvirt need not print them too."""
