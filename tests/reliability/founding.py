"""The founding of a town: a deployment with one node, an ask for all of it, and a buyer with money."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from common.clock import SystemClock
from common.minutes import minute_text, parse_minute
from nestex.bootstrap import NewDeployment
from nestex.cli.client import MarketClient
from nestex.local import LocalMarket, running_market, start_agent
from nestex.stack.hypervisor_kind import HypervisorKind
from nestex.stack.ports import LOOPBACK
from runtime.database import connect
from tests.reliability.cable import Cable
from tests.reliability.patient import PatientClient
from tests.reliability.town import CODE, NODE, ZONE, Town, settings

SPEED = 60
CAPACITY = (8, 16_384, 120)
"""Of the node: vCPUs, MiB and GiB."""
INSTRUMENT = {"zone": ZONE, "slice_class": "std", "firmness": "firm", "delivery_deadline_minutes": 120}
"""Guests that boot on this clock, or between faults, take many of its minutes: none is too late."""

FORM = {
    "company": "Alster Analytics GmbH",
    "tax_number": "DE811569869",
    "iban": "DE89370400440532013000",
    "country": "DE",
    "street": "Jungfernstieg 7",
    "postcode": "20354",
    "city": "Hamburg",
}


@contextmanager
def running_town(
    path: Path,
    *,
    market_micros: int | None = None,
    hypervisor: HypervisorKind = HypervisorKind.TEST,
    address: str = LOOPBACK,
) -> Iterator[Town]:
    """The deployment in a data folder at `path`, with an ask for all of the node but some storage on the book. The
    agent finds the bus at this address of the machine."""
    clock, fault_file, cable = SystemClock(), path.parent / "fault", Cable(address)
    new = NewDeployment(clock_speed=SPEED, market_micros=market_micros)
    with running_market(path, clock, [ZONE], new, extra=settings(fault_file, cable)) as market:
        bus = urlsplit(market.stack.nats_url)
        cable.target = (bus.hostname or "", bus.port or 0)
        database = connect(market.stack.database_url, application="reliability", pool_size=2)
        try:
            operator = MarketClient(market.url, market.operator_key)
            operator.post("/v1/instruments", INSTRUMENT)
            provider, buyer = _join(operator, market, "seller"), _join(operator, market, "buyer")
            provider.post("/v1/providers", FORM)
            node = _node(provider)
            token = provider.post(f"/v1/nodes/{node}/enrolment")["token"]
            faults = settings(fault_file, cable)
            start_agent(market, NODE, token, CAPACITY, hypervisor=hypervisor, extra=faults)
            driver = "test+unix:///default" if hypervisor is HypervisorKind.TEST else "qemu+unix:///system"
            uri = f"{driver}?socket={path / 'libvirt' / NODE / 'libvirt-sock'}"
            town = Town(market, database, path, fault_file, cable, uri, provider, buyer, node)
            town.until(lambda: provider.get(f"/v1/nodes/{node}")["state"] == "online", "the node's first heartbeat")
            offer(town)
            yield town
        finally:
            database.dispose()
            cable.close()


def _join(operator: MarketClient, market: LocalMarket, name: str) -> PatientClient:
    joined = operator.post("/v1/participants", {"name": name, "email": f"{name}@example.org"})
    deposit = {"participant": joined["participant"]["id"], "amount": "100000", "key": f"test/{name}"}
    operator.post("/v1/deposits", deposit)
    return PatientClient(market.url, joined["api_key"], market.supervisor.watch)


def _node(provider: MarketClient) -> str:
    offered = dict(zip(("vcpus", "memory_mib", "disk_gib"), CAPACITY, strict=True))
    body = {"name": NODE, "zone": ZONE, "offered": offered, "reserved_until": _in_minutes(provider, 50_000)}
    made: str = provider.post("/v1/nodes", body)["id"]
    return made


def offer(town: Town) -> None:
    """Put an ask for all of the node on the book."""
    body = {
        "side": "ask",
        "instrument": CODE,
        "price": "0.3",
        "node": town.node,
        "slices": 8,
        "available_until": _in_minutes(town.provider, 40_000),
        "client_order_id": town.new_name("offer"),
    }
    town.provider.post("/v1/orders", body)


def _in_minutes(client: MarketClient, minutes: int) -> str:
    return minute_text(parse_minute(client.get("/v1/time")["next_minute"], field="next_minute") + minutes)
