"""Who plays in the demo. Company names are made up; the tax numbers and IBANs are the well-known test values that pass
their checksums."""

from __future__ import annotations

from dataclasses import dataclass

ZONE = "fra1"
INSTRUMENT = f"{ZONE}.std.firm"


@dataclass(frozen=True, slots=True)
class Provider:
    """A consumer of somebody's cloud that has reserved more than it needs, and its node."""

    name: str
    email: str
    form: dict[str, str]
    node: str
    vcpus: int
    memory_mib: int
    disk_gib: int
    slices: int
    price: str


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
        node="alster-1",
        vcpus=8,
        memory_mib=16_384,
        disk_gib=80,
        slices=8,
        price="0.4200",
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
        node="rhone-1",
        vcpus=6,
        memory_mib=12_288,
        disk_gib=60,
        slices=6,
        price="0.3600",
    ),
)

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
)
