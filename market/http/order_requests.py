"""What an order is asked for with. `market.http.placements` makes the engine's command of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from common.wire import Filesystem
from market.http.fields import InstantText, PriceText, Rate, Request
from matching.commands import SelfTradePrevention, TimeInForce

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
ORDER_ID = r"^ord_[0-9a-hjkmnp-tv-z]{26}$"
NodeId = Annotated[str, Field(pattern=r"^nod_[0-9a-hjkmnp-tv-z]{26}$", description="a node's id")]
ParticipantId = Annotated[str, Field(pattern=r"^prt_[0-9a-hjkmnp-tv-z]{26}$", description="a participant's id")]
MOST_CONDITIONS = 100
_Amount = Annotated[int, Field(ge=0, le=1_000_000_000)]
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


class VolumeTemplate(Request):
    """What the volumes are to be, apart from their size."""

    name: str = Field(
        max_length=15,
        pattern=r"^[a-z][a-z0-9-]*$",
        description="a guest knows the volume by it; of several, each has its number behind it",
        examples=["data"],
    )
    filesystem: Filesystem = Field(
        default="", description="what each is formatted with when it is made; empty: nothing"
    )


class _Attributes(Request):
    """What bids and asks have in common."""

    time_in_force: TimeInForce | None = Field(
        default=None,
        description="gtc: rests until its window has passed; gtd: rests until `expires_at`; ioc: what does not trade at"
        " once is canceled; fok: all guests of a bid at once, or nothing. Null: gtd with an `expires_at`, else gtc",
    )
    expires_at: InstantText | None = Field(
        default=None, description="gtd: the UTC minute at which what still rests expires"
    )
    post_only: bool = Field(
        default=False,
        description="rejected instead of trading on entry; not with ioc or fok, which only trade then",
    )
    self_trade_prevention: SelfTradePrevention = Field(
        default="cancel_taker",
        description="what is canceled where this order would trade with another one of yours: this order, the resting"
        " one, or both",
    )
    client_order_id: _ClientId = None


class BidRequest(_Attributes):
    """Buy `guests` guests, or volumes, of `slices_per_guest` slices each for `duration_minutes`, starting in
    [`start_from`, `start_by`]."""

    side: Literal["bid"]
    instrument: _Text
    price: PriceText = Field(description="the most you pay, currency per slice-hour, a whole number of ticks")
    guests: int = Field(default=1, ge=1, le=1000)
    slices_per_guest: int = Field(default=1, ge=1, le=1024)
    duration_minutes: _Minutes
    start_from: InstantText | None = Field(default=None, description="earliest start; null: the next whole minute")
    start_by: InstantText | None = Field(default=None, description="latest start; null: start_from")
    nodes: list[NodeId] = Field(
        default_factory=list, max_length=MOST_CONDITIONS, description="trade only on one of these nodes; empty: on any"
    )
    avoid_providers: list[ParticipantId] = Field(
        default_factory=list, max_length=MOST_CONDITIONS, description="never trade with these providers"
    )
    min_reliability_ppm: Rate = Field(
        default=0, description="trade only with providers of at least this reliability, parts per million"
    )
    replace_on_failure: bool = Field(
        default=False,
        description="buy the rest again from the live book, at once and of another provider, where a guest is not"
        " delivered; it costs no more than the refund and what the bond pays",
    )
    guest: GuestRequest | None = Field(
        default=None, description="null: one with the defaults, unless `volume` is given"
    )
    volume: VolumeTemplate | None = Field(
        default=None, description="instead of `guest`, where the instrument's class is of volumes"
    )


class KeptCapacity(Request):
    """An amount of each resource of a node."""

    vcpus: _Amount = 0
    memory_mib: _Amount = 0
    disk_gib: _Amount = 0


class AskRequest(_Attributes):
    """Sell `slices` slices of a node during [`available_from`, `available_until`), in contracts of `min_minutes` or
    more; or with `contract` instead of all these, the rest of a contract that you bought, whole: to a guest of all its
    slices that ends when it does."""

    side: Literal["ask"]
    instrument: _Text
    price: PriceText = Field(description="the least you take, currency per slice-hour, a whole number of ticks")
    node: _Text | None = None
    contract: _Text | None = Field(default=None, description="instead of a node: a contract that you bought")
    slices: _Slices | None = Field(default=None, description="of a node")
    available_from: InstantText | None = Field(default=None, description="of a node; null: the next whole minute")
    available_until: InstantText | None = Field(default=None, description="of a node")
    min_minutes: _Minutes = Field(default=1, description="of a node: the shortest contract you accept, in minutes")
    linked: bool = Field(
        default=False,
        description="it shares what is free of the node with its other linked offers, each of which is whole: when one"
        " sells, the others are cut at once to what still fits, and those of which too little is left are canceled",
    )
    keep: KeptCapacity | None = Field(
        default=None, description="with linked: what of the node is to stay free of linked offers; null: nothing"
    )


OrderRequest = Annotated[BidRequest | AskRequest, Field(discriminator="side")]


class AmendRequest(Request):
    """Change an open order: exactly one of `guests`, `slices` and `price`.

    Fewer guests of a bid, or fewer slices of an ask, keep the order's place in the queue. Another price is an entry
    anew: all checks again, and a new place at the end.
    """

    revision: int = Field(ge=1, le=2**31 - 1, description="of the order as you know it; another one is a conflict")
    guests: Annotated[int | None, Field(ge=1, le=1000)] = Field(
        default=None, description="a bid's new total, the filled ones included"
    )
    slices: Annotated[int | None, Field(ge=1, le=1_000_000)] = Field(default=None, description="an ask's new total")
    price: PriceText | None = Field(default=None, description="currency per slice-hour, a whole number of ticks")
