"""The command that runs in every node: `nestex agent`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nestex.cli.processes import log_to_stderr

MarketUrl = Annotated[str, typer.Option("--market", envvar="NESTEX_AGENT_MARKET_URL", help="address of the market")]
Data = Annotated[Path, typer.Option("--data", envvar="NESTEX_AGENT_DATA", help="folder for its key and local file")]
Token = Annotated[
    str | None,
    typer.Option("--token", envvar="NESTEX_AGENT_TOKEN", help="enrolment token, for the first start only"),
]
LibvirtUri = Annotated[str, typer.Option("--libvirt", envvar="NESTEX_AGENT_LIBVIRT_URI", help="URI of the hypervisor")]
DeclaredCapacity = Annotated[
    str | None,
    typer.Option("--capacity", envvar="NESTEX_AGENT_CAPACITY", help="vcpus,memory MiB,disk GiB; else what is measured"),
]
Storage = Annotated[
    Path | None,
    typer.Option("--storage", envvar="NESTEX_AGENT_STORAGE", help="folder for the guests' files; else in --data"),
]
Images = Annotated[
    Path | None,
    typer.Option(
        "--images", envvar="NESTEX_AGENT_IMAGES", help="image pool, may be a network mount; else in --storage"
    ),
]
Volumes = Annotated[
    Path | None,
    typer.Option(
        "--volumes", envvar="NESTEX_AGENT_VOLUMES", help="block pool, may be a network mount; else in --storage"
    ),
]
Address = Annotated[
    str,
    typer.Option("--address", envvar="NESTEX_AGENT_ADDRESS", help="of the node, where its guests' ports are reached"),
]
Overcommit = Annotated[
    bool,
    typer.Option(
        "--overcommit",
        envvar="NESTEX_AGENT_OVERCOMMIT",
        help="take --capacity although the machine has less: for nodes that share one, as in a demo",
    ),
]
Kvm = Annotated[bool, typer.Option("--kvm", envvar="NESTEX_AGENT_KVM", help="do not start where KVM is of no use")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(agent)


def agent(
    market_url: MarketUrl,
    data: Data,
    token: Token = None,
    libvirt_uri: LibvirtUri = "qemu:///system",
    capacity: DeclaredCapacity = None,
    storage: Storage = None,
    images: Images = None,
    volumes: Volumes = None,
    address: Address = "127.0.0.1",
    overcommit: Overcommit = False,
    kvm: Kvm = False,
) -> None:
    """Run guests in this VM for the contracts of its node."""
    from provisioner.agent import main
    from provisioner.settings import Settings, parse_capacity

    log_to_stderr()
    settings = Settings(
        market_url,
        data,
        libvirt_uri,
        token,
        declared=None if capacity is None else parse_capacity(capacity),
        storage=storage,
        images=images,
        volumes=volumes,
        address=address,
        overcommit=overcommit,
        acceleration="kvm" if kvm else "auto",
    )
    raise typer.Exit(main(settings))
