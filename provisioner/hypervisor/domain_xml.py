"""The domain of a guest as libvirt's XML, and our mark in it: the metadata by which a domain is known as ours.

The mark carries the contract, the revision, what the guest is to be, the ports of the node that lead to it, and a token
that is drawn anew for every start. This is the plain domain, for libvirt's test driver; `qemu_xml` completes it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from xml.etree import ElementTree

from common import codec
from common.errors import InvalidInput
from common.wire import GuestSpec

NAMESPACE = "urn:nestex:guest:1"
PREFIX = "nestex"
_CONTRACTS = uuid.uuid5(uuid.NAMESPACE_URL, NAMESPACE)

ElementTree.register_namespace(PREFIX, NAMESPACE)


@dataclass(frozen=True, slots=True)
class Forward:
    """A TCP port of the node that leads to a port of the guest."""

    port: int
    node_port: int


@dataclass(frozen=True, slots=True)
class Mark:
    """What the metadata of a domain of ours says."""

    contract: str
    revision: int
    start: str
    spec: GuestSpec
    forwards: tuple[Forward, ...] = ()


def domain_uuid(contract: str) -> str:
    """The UUID of the contract's domain: the same for ever and on every node, so that a guest cannot exist twice."""
    return str(uuid.uuid5(_CONTRACTS, contract))


def domain_xml(kind: str, mark: Mark) -> str:
    """The definition of a plain guest. `kind` is libvirt's type of domain: "test" (libvirt's test driver)."""
    domain = plain_domain(kind, mark)
    add(domain, "vcpu", str(mark.spec.vcpus))
    add(add(domain, "os"), "type", "hvm")
    return ElementTree.tostring(domain, encoding="unicode")


def plain_domain(kind: str, mark: Mark) -> ElementTree.Element:
    """What the definitions of all guests begin with."""
    domain = ElementTree.Element("domain", type=kind)
    add(domain, "name", mark.contract)
    add(domain, "uuid", domain_uuid(mark.contract))
    if mark.spec.name:
        add(domain, "title", mark.spec.name.replace("\n", " "))
    add(domain, "metadata").append(_mark_element(mark))
    add(domain, "memory", str(mark.spec.memory_mib), unit="MiB")
    return domain


def mark_xml(mark: Mark) -> str:
    """The mark alone, as libvirt's setMetadata takes it with NAMESPACE and PREFIX."""
    element = _mark_element(mark)
    for part in element.iter():  # libvirt declares the namespace itself
        part.tag = part.tag.removeprefix(f"{{{NAMESPACE}}}")
    return ElementTree.tostring(element, encoding="unicode")


def read_mark(xml: str) -> Mark | None:
    """Our mark in a domain's XML; None when the domain is somebody else's, also when it only looks like ours."""
    domain = ElementTree.fromstring(xml)  # noqa: S314  libvirt's own output, which no stranger writes
    guest = domain.find(f"metadata/{{{NAMESPACE}}}guest")
    if guest is None:
        return None
    contract, revision = guest.get("contract", ""), guest.get("revision", "")
    if domain.findtext("uuid") != domain_uuid(contract) or not revision.isdecimal():
        return None
    try:
        spec = codec.decode(GuestSpec, guest.findtext(f"{{{NAMESPACE}}}spec", "").encode(), lenient=True)
    except InvalidInput:
        return None
    forwards = guest.findall(f"{{{NAMESPACE}}}forward")
    return Mark(contract, int(revision), guest.get("start", ""), spec, tuple(map(_forward, forwards)))


def add(parent: ElementTree.Element, tag: str, text: str | None = None, **attributes: str) -> ElementTree.Element:
    """A new last child."""
    child = ElementTree.SubElement(parent, tag, attributes)
    child.text = text
    return child


def _mark_element(mark: Mark) -> ElementTree.Element:
    attributes = {"contract": mark.contract, "revision": str(mark.revision), "start": mark.start}
    element = ElementTree.Element(f"{{{NAMESPACE}}}guest", attributes)
    add(element, f"{{{NAMESPACE}}}spec", codec.encode(mark.spec).decode())
    for forward in mark.forwards:
        add(element, f"{{{NAMESPACE}}}forward", port=str(forward.port), node_port=str(forward.node_port))
    return element


def _forward(element: ElementTree.Element) -> Forward:
    return Forward(int(element.get("port", "")), int(element.get("node_port", "")))
