"""Slice classes: the resource vectors that are traded. Data, not code: an operator adds one with one call."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from common.errors import Conflict, InvalidInput
from market.tables import slice_class


@dataclass(frozen=True, slots=True)
class SliceClass:
    """What one slice holds. `cpu_shares` is the guest's CPU weight per contract; 1024 is ordinary."""

    name: str
    kind: str
    vcpus: int
    memory_mib: int
    disk_gib: int
    cpu_shares: int = 1024


STANDARD = (
    SliceClass("std", "guest", vcpus=1, memory_mib=2048, disk_gib=10),
    SliceClass("mem", "guest", vcpus=1, memory_mib=8192, disk_gib=10),
    SliceClass("block", "volume", vcpus=0, memory_mib=0, disk_gib=10),
)
"""The classes of a new deployment. Source: the design's market rules, "Who and what"."""


def add_class(connection: Connection, added: SliceClass) -> None:
    """Raises Conflict when the name is taken, and InvalidInput for a slice of volume that is not disk alone."""
    if added.kind == "volume" and (added.vcpus or added.memory_mib or not added.disk_gib):
        field = next(name for name in ("vcpus", "memory_mib", "disk_gib") if name == "disk_gib" or getattr(added, name))
        raise InvalidInput("invalid_field", "a slice of volume is disk, and nothing else", field=field)
    inserted = insert(slice_class).values(**asdict(added)).on_conflict_do_nothing().returning(slice_class.c.name)
    if connection.execute(inserted).one_or_none() is None:
        raise Conflict("already_exists", f"there is a class {added.name} already", field="name")


def list_classes(connection: Connection) -> list[SliceClass]:
    """All classes by name."""
    rows = connection.execute(select(slice_class).order_by(slice_class.c.name))
    return [SliceClass(row.name, row.kind, row.vcpus, row.memory_mib, row.disk_gib, row.cpu_shares) for row in rows]
