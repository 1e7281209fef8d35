"""Commands about bootable images."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from nestex.cli.output import console


class Kind(StrEnum):
    """What can be built."""

    L2 = "l2"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    image = typer.Typer(help="Bootable images.", no_args_is_help=True)
    image.callback()(_images)
    image.command()(build)
    app.add_typer(image, name="image")


def _images() -> None:
    """Bootable images."""


def build(
    kind: Annotated[Kind, typer.Option("--kind", help="l2: the small guest, which shows what it got")],
    out: Annotated[Path, typer.Option("--out", help="folder for the image; an image pool will do")],
    kernel: Annotated[
        Path | None, typer.Option("--kernel", help="Debian's linux-image-*-cloud-amd64 package; else apt fetches it")
    ] = None,
    busybox: Annotated[
        Path | None, typer.Option("--busybox", help="Debian's busybox-static package; else apt fetches it")
    ] = None,
) -> None:
    """Build an image, without rights and without mounting anything."""
    from provisioner.images.debian import fetch_busybox, fetch_kernel, read_package
    from provisioner.images.small_guest import build_small_guest

    manifest = build_small_guest(
        read_package(kernel) if kernel else fetch_kernel(),
        read_package(busybox) if busybox else fetch_busybox(),
        out,
    )
    console.print(f"The image of kind {kind.value} is described in {manifest}.", soft_wrap=True)
