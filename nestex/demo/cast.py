"""Who plays in the demo. Company names are made up; the tax numbers and IBANs are the well-known test values that pass
their checksums."""

from __future__ import annotations

from dataclasses import dataclass

ZONE = "fra1"
STD = f"{ZONE}.std.firm"
"""Slices of one vCPU with 2 GiB of memory."""
MEM = f"{ZONE}.mem.firm"
"""Slices of one vCPU with 8 GiB of memory."""
SPOT = f"{ZONE}.std.spot"
"""As STD, but the provider may take them back with two minutes' notice."""
INSTRUMENTS = (STD, MEM, SPOT)


@dataclass(frozen=True, slots=True)
class NodeCast:
    """A large VM (L1) that its provider has paid for already: its name, and what it has to sell."""

    name: str
    vcpus: int
    memory_mib: int
    disk_gib: int


@dataclass(frozen=True, slots=True)
class Provider:
    """A consumer of somebody's cloud that has reserved more than it needs."""

    name: str
    email: str
    form: dict[str, str]
    nodes: tuple[NodeCast, ...]


@dataclass(frozen=True, slots=True)
class Consumer:
    """Somebody who needs small VMs, with the money that it brings."""

    name: str
    email: str
    deposit: str
    identity: dict[str, str]


PROVIDERS = (
    Provider(
        name="Alster Analytics",
        email="cloud@alster.example",
        form={
            "company": "Alster Analytics GmbH",
            "tax_number": "DE811569869",
            "iban": "DE89370400440532013000",
            "country": "DE",
            "street": "Jungfernstieg 7",
            "postcode": "20354",
            "city": "Hamburg",
        },
        nodes=(NodeCast("alster-1", vcpus=16, memory_mib=45_056, disk_gib=160),),
    ),
    Provider(
        name="Rhône Rendu",
        email="infra@rhone.example",
        form={
            "company": "Rhône Rendu SAS",
            "tax_number": "FR40303265045",
            "iban": "FR1420041010050500013M02606",
            "country": "FR",
            "street": "12 quai Saint-Antoine",
            "postcode": "69002",
            "city": "Lyon",
        },
        nodes=(
            NodeCast("rhone-1", vcpus=6, memory_mib=12_288, disk_gib=60),
            NodeCast("rhone-2", vcpus=6, memory_mib=12_288, disk_gib=60),
        ),
    ),
)

IBAN_OF_A_CONSUMER = "AT611904300234573201"
"""Of Enzian Energie, should it want to sell something."""

CONSUMERS = (
    Consumer(
        name="Blauwal Builds",
        email="ci@blauwal.example",
        deposit="25.00",
        identity={
            "company": "Blauwal Builds GmbH",
            "tax_number": "DE129273398",
            "country": "DE",
            "street": "Speicherstraße 3",
            "postcode": "60327",
            "city": "Frankfurt am Main",
        },
    ),
    Consumer(
        name="Cedar Crawlers",
        email="ops@cedar.example",
        deposit="25.00",
        identity={
            "company": "Cedar Crawlers B.V.",
            "tax_number": "NL004495445B01",
            "country": "NL",
            "street": "Prinsengracht 40",
            "postcode": "1015 DX",
            "city": "Amsterdam",
        },
    ),
    Consumer(
        name="Dune Data",
        email="team@dune.example",
        deposit="25.00",
        identity={
            "company": "Dune Data Inc.",
            "country": "US",
            "street": "88 Alvarado Street",
            "postcode": "93940",
            "city": "Monterey",
        },
    ),
    Consumer(
        name="Enzian Energie",
        email="prognose@enzian.example",
        deposit="25.00",
        identity={
            "company": "Enzian Energie GmbH",
            "tax_number": "ATU13585627",
            "country": "AT",
            "street": "Wiedner Gürtel 9",
            "postcode": "1040",
            "city": "Wien",
        },
    ),
    Consumer(
        name="Fyn Film",
        email="render@fynfilm.example",
        deposit="25.00",
        identity={
            "company": "Fyn Film ApS",
            "tax_number": "DK13585628",
            "country": "DK",
            "street": "Brandts Klædefabrik 12",
            "postcode": "5000",
            "city": "Odense C",
        },
    ),
)
