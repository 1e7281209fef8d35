"""The scene: the operator opens the instruments, providers enrol nodes, consumers bring money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from common.minutes import minute_text, parse_minute
from nestex.cli.client import MarketClient
from nestex.demo.cast import CONSUMERS, INSTRUMENTS, PROVIDERS, ZONE, Consumer, NodeCast, Provider

_RESERVED_DAYS = 30
_DEADLINE_MINUTES = 15
"""A few seconds of this clock, for an agent that is killed to come back in."""


@dataclass(frozen=True, slots=True)
class SellersNode:
    """A node that is declared; its agent may enrol with the token."""

    cast: NodeCast
    id: str
    token: str


@dataclass(frozen=True, slots=True)
class Seller:
    """A provider with its key and its nodes."""

    cast: Provider
    client: MarketClient
    nodes: tuple[SellersNode, ...]


@dataclass(frozen=True, slots=True)
class Buyer:
    """A consumer with its key."""

    cast: Consumer
    client: MarketClient


@dataclass(frozen=True, slots=True)
class Scene:
    """Everybody, ready to trade."""

    operator: MarketClient
    sellers: tuple[Seller, ...]
    buyers: tuple[Buyer, ...]


def set_scene(url: str, operator_key: str) -> Scene:
    """Through the HTTP interface, as the operator and everybody else would."""
    operator = MarketClient(url, operator_key)
    for code in INSTRUMENTS:
        zone, slice_class, firmness = code.split(".")
        body = {"zone": zone, "slice_class": slice_class, "firmness": firmness}
        operator.post("/v1/instruments", body | {"delivery_deadline_minutes": _DEADLINE_MINUTES})
    return Scene(
        operator,
        tuple(_seller(url, operator, cast) for cast in PROVIDERS),
        tuple(_buyer(url, operator, cast) for cast in CONSUMERS),
    )


def next_minute(client: MarketClient) -> int:
    """The market minute that an order placed now can start at, at the earliest."""
    return parse_minute(client.get("/v1/time")["next_minute"], field="next_minute")


def join(url: str, operator: MarketClient, body: dict[str, Any], deposit: str) -> MarketClient:
    """A new participant's client, with this much money in its account."""
    joined = operator.post("/v1/participants", body)
    participant = joined["participant"]["id"]
    operator.post("/v1/deposits", {"participant": participant, "amount": deposit, "key": f"demo/{participant}"})
    return MarketClient(url, joined["api_key"])


def _seller(url: str, operator: MarketClient, cast: Provider) -> Seller:
    client = join(url, operator, {"name": cast.name, "email": cast.email}, "50.00")
    client.post("/v1/providers", cast.form)
    return Seller(cast, client, tuple(_node(client, node) for node in cast.nodes))


def _node(client: MarketClient, cast: NodeCast) -> SellersNode:
    reserved_until = minute_text(next_minute(client) + _RESERVED_DAYS * 1440)
    offered = {"vcpus": cast.vcpus, "memory_mib": cast.memory_mib, "disk_gib": cast.disk_gib}
    body = {"name": cast.name, "zone": ZONE, "offered": offered, "reserved_until": reserved_until}
    node = client.post("/v1/nodes", body)
    token = client.post(f"/v1/nodes/{node['id']}/enrolment")["token"]
    return SellersNode(cast, node["id"], token)


def _buyer(url: str, operator: MarketClient, cast: Consumer) -> Buyer:
    body = {"name": cast.name, "email": cast.email, "identity": cast.identity}
    return Buyer(cast, join(url, operator, body, cast.deposit))
