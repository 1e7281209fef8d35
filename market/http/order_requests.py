"""What an order is asked for with, and the engine's command that follows from it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from common.ids import new_id
from common.minutes import parse_minute
from common.price import Price
from market.engine.commands import GuestTemplate, PlaceAsk, PlaceBid, Placement
from market.http.fields import InstantText, PriceText, Request

_Text = Annotated[str, Field(min_length=1, max_length=80)]
_ClientId = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9._:-]+$",
        description="your own name for the order: the same name and content again gives the same order, once",
    ),
]
_Slices = Annotated[int, Field(ge=1, le=1_000_000)]
_Minutes = Annotated[int, Field(ge=1, le=10_000_000, description="whole minutes")]
SshKey = Annotated[
    str,
    Field(
        max_length=4096,
        pattern=r"^(ssh-(ed25519|rsa|dss)|ecdsa-sha2-[a-z0-9-]+|sk-[a-z0-9@.-]+) [A-Za-z0-9+/]+=*( [^\n\r]*)?$",
        description="a line of an authorized_keys file: the public half, never the private one",
    ),
]


class GuestRequest(Request):
    """What the guests are to be, apart from their size."""

    name: str = Field(default="guest", max_length=63, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")
    image: str = Field(
        default="default", max_length=120, pattern=r"^[A-Za-z0-9._/-]+$", description="image of the catalogue"
    )
    ssh_keys: list[SshKey] = Field(default_factory=list, max_length=20, description="public keys, in OpenSSH's form")
    user_data: str = Field(default="", max_length=16_384, description="cloud-init user data")


class BidRequest(Request):
    """Buy `guests` guests of `slices_per_guest` slices for `duration_minutes`, starting in [`start_from`,
    `start_by`]."""

    side: Literal["bid"]
    instrument: _Text
    price: PriceText = Field(description="the most you pay, currency per slice-hour, a whole number of ticks")
    guests: int = Field(default=1, ge=1, le=1000)
    slices_per_guest: int = Field(default=1, ge=1, le=1024)
    duration_minutes: _Minutes
    start_from: InstantText | None = Field(default=None, description="earliest start; null: the next whole minute")
    start_by: InstantText | None = Field(default=None, description="latest start; null: start_from")
    time_in_force: Literal["gtc", "ioc"] = Field(
        default="gtc",
        description="gtc: rests until its window has passed; ioc: what does not trade at once is canceled",
    )
    client_order_id: _ClientId = None
    guest: GuestRequest = Field(default_factory=GuestRequest)


class AskRequest(Request):
    """Sell `slices` slices of a node during [`available_from`, `available_until`), in contracts of `min_minutes` or
    more."""

    side: Literal["ask"]
    instrument: _Text
    price: PriceText = Field(description="the least you take, currency per slice-hour, a whole number of ticks")
    node: _Text
    slices: _Slices
    available_from: InstantText | None = Field(default=None, description="null: the next whole minute")
    available_until: InstantText
    min_minutes: _Minutes = Field(default=1, description="the shortest contract you accept, in minutes")
    time_in_force: Literal["gtc", "ioc"] = "gtc"
    client_order_id: _ClientId = None


OrderRequest = Annotated[BidRequest | AskRequest, Field(discriminator="side")]


def placement_of(body: BidRequest | AskRequest, participant: str, at_ms: int) -> Placement:
    """The command that enters the order, under a fresh id. Raises InvalidInput where a price or an instant is off."""
    order = new_id("ord", at_ms)
    price = Price.parse_hourly(body.price).micros
    if isinstance(body, AskRequest):
        return PlaceAsk(
            order=order,
            participant=participant,
            client_order_id=body.client_order_id,
            instrument=body.instrument,
            price_micros=price,
            time_in_force=body.time_in_force,
            node=body.node,
            slices=body.slices,
            available_from=_minute(body.available_from, "available_from"),
            available_until=parse_minute(body.available_until, field="available_until"),
            min_minutes=body.min_minutes,
        )
    return PlaceBid(
        order=order,
        participant=participant,
        client_order_id=body.client_order_id,
        instrument=body.instrument,
        price_micros=price,
        time_in_force=body.time_in_force,
        guests=body.guests,
        slices_per_guest=body.slices_per_guest,
        duration_minutes=body.duration_minutes,
        start_from=_minute(body.start_from, "start_from"),
        start_by=_minute(body.start_by, "start_by"),
        template=GuestTemplate(
            name=body.guest.name,
            image=body.guest.image,
            ssh_keys=tuple(body.guest.ssh_keys),
            user_data=body.guest.user_data,
        ),
    )


def _minute(text: str | None, field: str) -> int | None:
    return None if text is None else parse_minute(text, field=field)
