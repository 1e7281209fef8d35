"""A consumer turns into a provider: one form, one node. `nestex nodes enrol` then prints the line for the VM."""

from __future__ import annotations

from typing import Annotated

import typer

from nestex.cli.capacity import capacity_of
from nestex.cli.client import MarketClient
from nestex.cli.output import AsJson, show_one

Company = Annotated[str, typer.Option(help="as it stands on invoices")]
TaxNumber = Annotated[str, typer.Option(help="VAT number, or the country's tax number")]
Iban = Annotated[str, typer.Option(help="bank account to which earnings are paid")]
Country = Annotated[str, typer.Option(help="two letters, such as DE")]
Street = Annotated[str, typer.Option(help="and number")]
Postcode = Annotated[str, typer.Option()]
City = Annotated[str, typer.Option()]
Name = Annotated[str, typer.Argument(help="your own name for the node: lower-case letters, digits and dashes")]
Zone = Annotated[str, typer.Option(help="where it is")]
Offer = Annotated[str, typer.Option(help="what you offer of the VM: vCPUs,MiB of memory,GiB of disk")]
Until = Annotated[str, typer.Option(help="UTC minute at which your own reservation ends")]


def provider(
    company: Company,
    tax_number: TaxNumber,
    iban: Iban,
    country: Country,
    street: Street,
    postcode: Postcode,
    city: City,
    as_json: AsJson = False,
) -> None:
    """Become a provider, with the account that you have; you stay a buyer too."""
    form = {"company": company, "tax_number": tax_number, "iban": iban, "country": country}
    form |= {"street": street, "postcode": postcode, "city": city}
    show_one(MarketClient.from_environment().post("/v1/providers", form), as_json=as_json)


def add_node(name: Name, zone: Zone, offer: Offer, until: Until, as_json: AsJson = False) -> None:
    """Register a VM that you have reserved. Its agent measures it: more than there is, is cut."""
    body = {"name": name, "zone": zone, "reserved_until": until, "offered": capacity_of(offer, "offer")}
    show_one(MarketClient.from_environment().post("/v1/nodes", body), as_json=as_json)
