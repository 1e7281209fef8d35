"""Debian packages that are made here: a kernel's with a few modules, and busybox's."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping

from provisioner.images.small_guest import MODULES, Package


def deb(files: Mapping[str, bytes], compression: str = "xz") -> bytes:
    """A package with these files."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=f"w:{compression}") as archive:  # type: ignore[call-overload]  # a known mode
        for path, content in files.items():
            member = tarfile.TarInfo(f"./{path}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    members = {"debian-binary": b"2.0\n", "control.tar.xz": b"odd", f"data.tar.{compression}": data.getvalue()}
    return b"!<arch>\n" + b"".join(_member(name, content) for name, content in members.items())


def kernel_package(needs: Mapping[str, str] | None = None) -> Package:
    """One with all the modules that the guest needs; `needs` says on which others they depend."""
    wanted = dict.fromkeys((*MODULES, *",".join((needs or {}).values()).split(",")), "") | dict(needs or {})
    files = {"boot/vmlinuz-6.1.0-1-cloud-amd64": b"a kernel"}
    for name, depends in wanted.items():
        if name:
            files[f"lib/modules/6.1.0-1/kernel/{name}.ko"] = b"ELF\0depends=" + depends.encode() + b"\0rest"
    return Package("linux-image-6.1.0-1-cloud-amd64 6.1.1-1", deb(files))


def busybox_package() -> Package:
    """One with a busybox."""
    return Package("busybox-static 1.35.0-4", deb({"bin/busybox": b"a busybox", "usr/share/doc/x": b"text"}))


def _member(name: str, content: bytes) -> bytes:
    header = f"{name + '/':<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
    return header + content + b"\n" * (len(content) % 2)
