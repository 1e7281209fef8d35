"""The domain of a guest as libvirt's XML, and our mark in it: the metadata by which a domain is known as ours.

The mark carries the contract, the revision, and a token that is drawn anew for every start.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from xml.etree import ElementTree

from common.wire import GuestSpec

NAMESPACE = "urn:nestex:guest:1"
_CONTRACTS = uuid.uuid5(uuid.NAMESPACE_URL, NAMESPACE)

ElementTree.register_namespace("nestex", NAMESPACE)


@dataclass(frozen=True, slots=True)
class Mark:
    """What the metadata of a domain of ours says."""

    contract: str
    revision: int
    start: str


def domain_uuid(contract: str) -> str:
    """The UUID of the contract's domain: the same for ever and on every node, so that a guest cannot exist twice."""
    return str(uuid.uuid5(_CONTRACTS, contract))


def domain_xml(kind: str, mark: Mark, spec: GuestSpec) -> str:
    """The definition of a guest. `kind` is libvirt's type of domain: "test" (libvirt's test driver)."""
    domain = ElementTree.Element("domain", type=kind)
    _text(domain, "name", mark.contract)
    _text(domain, "uuid", domain_uuid(mark.contract))
    if spec.name:
        _text(domain, "title", spec.name)
    metadata = ElementTree.SubElement(domain, "metadata")
    attributes = {"contract": mark.contract, "revision": str(mark.revision), "start": mark.start}
    ElementTree.SubElement(metadata, f"{{{NAMESPACE}}}guest", attributes)
    _text(domain, "memory", str(spec.memory_mib), unit="MiB")
    _text(domain, "vcpu", str(spec.vcpus))
    _text(ElementTree.SubElement(domain, "os"), "type", "hvm")
    return ElementTree.tostring(domain, encoding="unicode")


def read_mark(xml: str) -> Mark | None:
    """Our mark in a domain's XML; None when the domain is somebody else's, also when it only looks like ours."""
    domain = ElementTree.fromstring(xml)  # noqa: S314  libvirt's own output, which no stranger writes
    guest = domain.find(f"metadata/{{{NAMESPACE}}}guest")
    if guest is None:
        return None
    contract, revision = guest.get("contract", ""), guest.get("revision", "")
    if domain.findtext("uuid") != domain_uuid(contract) or not revision.isdecimal():
        return None
    return Mark(contract, int(revision), guest.get("start", ""))


def _text(parent: ElementTree.Element, tag: str, text: str, **attributes: str) -> None:
    ElementTree.SubElement(parent, tag, attributes).text = text
