"""What is charged, in the words of FOCUS: computing, or storage."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """What kind of thing is charged, in FOCUS's words, and what a contract for it provides."""

    category: str
    subcategory: str
    name: str
    resource_type: str
    slices: str


SERVICES = {
    "guest": Service("Compute", "Virtual Machines", "Nestex slices", "Nested virtual machine", "Slices"),
    "volume": Service("Storage", "Block Storage", "Nestex volumes", "Block volume", "Storage slices"),
}
"""By the kind of a contract."""
