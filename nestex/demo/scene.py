"""The scene: the operator opens an instrument, providers enrol nodes, consumers bring money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from common.minutes import minute_text, parse_instant, parse_minute
from nestex.cli.client import MarketClient
from nestex.demo.cast import CONSUMERS, INSTRUMENT, PROVIDERS, ZONE, Consumer, Provider

_RESERVED_DAYS = 30


@dataclass(frozen=True, slots=True)
class Seller:
    """A provider with its key and its node, whose agent may enrol with the token."""

    cast: Provider
    client: MarketClient
    node: str
    token: str


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
    zone, slice_class, firmness = INSTRUMENT.split(".")
    operator.post("/v1/instruments", {"zone": zone, "slice_class": slice_class, "firmness": firmness})
    return Scene(
        operator,
        tuple(_seller(url, operator, cast) for cast in PROVIDERS),
        tuple(_buyer(url, operator, cast) for cast in CONSUMERS),
    )


def next_minute(client: MarketClient) -> int:
    """The market minute that an order placed now can start at, at the earliest."""
    return parse_minute(client.get("/v1/time")["next_minute"], field="next_minute")


def _seller(url: str, operator: MarketClient, cast: Provider) -> Seller:
    client = _join(url, operator, {"name": cast.name, "email": cast.email}, "50.00")
    client.post("/v1/providers", cast.form)
    now = parse_instant(client.get("/v1/time")["now"], field="now")
    reserved_until = minute_text(int(now.timestamp()) // 60 + _RESERVED_DAYS * 1440)
    offered = {"vcpus": cast.vcpus, "memory_mib": cast.memory_mib, "disk_gib": cast.disk_gib}
    node = client.post(
        "/v1/nodes", {"name": cast.node, "zone": ZONE, "offered": offered, "reserved_until": reserved_until}
    )
    token = client.post(f"/v1/nodes/{node['id']}/enrolment")["token"]
    return Seller(cast, client, node["id"], token)


def _buyer(url: str, operator: MarketClient, cast: Consumer) -> Buyer:
    body = {"name": cast.name, "email": cast.email, "identity": cast.identity}
    return Buyer(cast, _join(url, operator, body, cast.deposit))


def _join(url: str, operator: MarketClient, body: dict[str, Any], deposit: str) -> MarketClient:
    joined = operator.post("/v1/participants", body)
    participant = joined["participant"]["id"]
    operator.post("/v1/deposits", {"participant": participant, "amount": deposit, "key": f"demo/{participant}"})
    return MarketClient(url, joined["api_key"])
