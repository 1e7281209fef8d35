"""The cloud-init seed of a guest (NoCloud): a small ISO image labelled `cidata`, which the guest finds among its disks.

It carries the host name, the buyer's SSH keys and user data, the contract as the instance's id, and vendor data that
lets a guest with cloud-init say on its console when it has started.
"""

from __future__ import annotations

import io
import json
import re

import pycdlib

from common.wire import GuestSpec

READY = "nestex: ready"
"""What a guest writes to its console when it is ready."""

_FIRST_FORBIDDEN = re.compile(r"[^a-z0-9-]+")
_VENDOR_DATA = f'#cloud-config\nruncmd:\n  - [sh, -c, "echo {READY} > /dev/console"]\n'


def seed_image(contract: str, spec: GuestSpec) -> bytes:
    """The ISO image."""
    metadata = {
        "instance-id": contract,
        "local-hostname": host_name(contract, spec),
        "public-keys": list(spec.ssh_keys),  # last, and one member to a line: small guests read it with sed
    }
    image = pycdlib.PyCdlib()
    image.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident="cidata")
    files = {
        "meta-data": json.dumps(metadata, indent=1) + "\n",
        "user-data": spec.user_data or "#cloud-config\n",
        "vendor-data": _VENDOR_DATA,
    }
    for number, (name, text) in enumerate(files.items()):
        data = text.encode()
        image.add_fp(io.BytesIO(data), len(data), f"/FILE{number}.;1", rr_name=name, joliet_path=f"/{name}")
    written = io.BytesIO()
    image.write_fp(written)
    image.close()
    return written.getvalue()


def host_name(contract: str, spec: GuestSpec) -> str:
    """The guest's name as a host's; the contract's where nothing of it is left."""
    for text in (spec.name, contract):
        name = _FIRST_FORBIDDEN.sub("-", text.lower()).strip("-")[:63].rstrip("-")
        if name:
            return name
    raise AssertionError("a contract's id holds letters")
