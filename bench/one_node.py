"""A whole deployment with one node and its agent, somebody who sells it and somebody who buys."""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import libvirt
import nats
from nats.aio.msg import Msg

from common import codec, subjects
from common.clock import MarketClock, SystemClock
from common.minutes import minute_text, parse_minute
from common.wire import GuestState, GuestStatus
from nestex.bootstrap import NewDeployment
from nestex.cli.client import MarketClient
from nestex.local import LocalMarket, running_market, start_agent
from nestex.stack.hypervisor_kind import HypervisorKind
from nestex.stack.stack import discard
from runtime.database import connect
from runtime.deployment import market_clock

T = TypeVar("T")
ZONE, NAME = "fra1", "node-1"
CODE = f"{ZONE}.std.firm"
SLICES = 64
"""More than is ever bought: what is released is not offered again by itself."""
_SPEED = 60
_PATIENCE_SECONDS = 600.0
_FORM = {
    "company": "Alster Analytics GmbH",
    "tax_number": "DE811569869",
    "iban": "DE89370400440532013000",
    "country": "DE",
    "street": "Jungfernstieg 7",
    "postcode": "20354",
    "city": "Hamburg",
}


@dataclass(frozen=True, slots=True)
class OneNode:
    """The deployment. A market minute lasts a second."""

    market: LocalMarket
    buyer: MarketClient
    clock: MarketClock
    libvirt_uri: str
    guests: Path

    def buy(self, guests: int) -> list[str]:
        """The contracts of so many guests for a day, from the next minute on, as soon as all are ready."""
        known = {row["id"] for row in self.buyer.pages("/v1/contracts")}
        body = {"side": "bid", "instrument": CODE, "price": "0.6", "guests": guests, "duration_minutes": 1440}
        self.buyer.post("/v1/orders", body | {"start_by": minute_text(self.clock.minute() + 60)})

        def ready() -> list[str]:
            rows = [row for row in self.buyer.pages("/v1/contracts") if row["id"] not in known]
            return [row["id"] for row in rows] if [row["state"] for row in rows] == ["running"] * guests else []

        return self.until(ready)

    def release(self, contracts: list[str]) -> None:
        """End them, and wait until their guests are gone."""
        for contract in contracts:
            self.buyer.post(f"/v1/contracts/{contract}/release")
        self.until(lambda: not set(self.domains()) & set(contracts))

    def seconds(self, contracts: list[str], state: GuestState) -> float:
        """Real seconds from the start of the window, which begins with the minute after the trade, until the last of
        the guests was in this state."""
        starts = {row["id"]: row["start"] for row in self.buyer.pages("/v1/contracts")}
        at_ms = asyncio.run(self._statuses())
        taken = [at_ms[each][state] - parse_minute(starts[each], field="start") * 60_000 for each in contracts]
        return max(taken) / 1000 / _SPEED

    def domains(self) -> list[str]:
        """Names of all domains."""
        with closing(libvirt.open(self.libvirt_uri)) as connection:
            return [domain.name() for domain in connection.listAllDomains()]

    async def _statuses(self) -> dict[str, dict[GuestState, int]]:
        """Market milliseconds in which each guest came to each state, as its agent has told."""
        stack, told = self.market.stack, defaultdict[str, dict[GuestState, int]](dict)

        async def hear(message: Msg) -> None:
            if not message.subject.endswith(".hb"):
                status = codec.decode(GuestStatus, message.data)
                told[status.contract].setdefault(status.state, status.at_ms)

        client = await nats.connect(stack.nats_url, user_credentials=str(stack.nats_credentials))
        jetstream = client.jetstream()
        subscription = await jetstream.subscribe("status.>", cb=hear, ordered_consumer=True)
        last = (await jetstream.stream_info(subjects.STATUS_STREAM)).state.last_seq
        while subscription.delivered < last:  # noqa: ASYNC110  the server counts
            await asyncio.sleep(0.05)
        await client.close()
        return told

    def until(self, look: Callable[[], T]) -> T:
        """What `look` finds, as soon as it finds something."""
        end = self.clock.real.monotonic() + _PATIENCE_SECONDS
        while not (found := look()):
            assert self.clock.real.monotonic() < end, "it has not happened"
            self.market.supervisor.watch(0.05)
        return found


@contextmanager
def one_node(hypervisor: HypervisorKind) -> Iterator[OneNode]:
    """With all of the node offered. A market minute lasts a second."""
    path, real = Path(tempfile.mkdtemp(prefix="nestex-bench-")), SystemClock()
    path.chmod(0o711)  # PostgreSQL runs as another user when the bench runs as root
    try:
        with running_market(path, real, [ZONE], NewDeployment(clock_speed=_SPEED)) as market:
            operator = MarketClient(market.url, market.operator_key)
            instrument = {"zone": ZONE, "slice_class": "std", "firmness": "firm", "delivery_deadline_minutes": 1000}
            operator.post("/v1/instruments", instrument)
            seller, buyer = _join(operator, market.url, "seller"), _join(operator, market.url, "buyer")
            seller.post("/v1/providers", _FORM)
            database = connect(market.stack.database_url, application="bench", pool_size=1)
            with database.begin() as connection:
                clock = market_clock(connection, real)
            database.dispose()
            socket = path / "libvirt" / NAME / "libvirt-sock"
            driver = "test+unix:///default" if hypervisor is HypervisorKind.TEST else "qemu+unix:///system"
            guests = path / "agents" / NAME / "storage" / "guests"
            made = OneNode(market, buyer, clock, f"{driver}?socket={socket}", guests)
            _sell(made, seller, hypervisor)
            yield made
    finally:
        discard(path)


def _sell(made: OneNode, seller: MarketClient, hypervisor: HypervisorKind) -> None:
    until = minute_text(made.clock.minute() + 60_000)
    offered = {"vcpus": SLICES, "memory_mib": 2048 * SLICES, "disk_gib": 10 * SLICES}
    node = seller.post("/v1/nodes", {"name": NAME, "zone": ZONE, "offered": offered, "reserved_until": until})["id"]
    token = seller.post(f"/v1/nodes/{node}/enrolment")["token"]
    start_agent(made.market, NAME, token, (SLICES, 2048 * SLICES, 10 * SLICES), hypervisor=hypervisor)
    made.until(lambda: seller.get(f"/v1/nodes/{node}")["state"] == "online")
    ask = {"side": "ask", "instrument": CODE, "price": "0.3", "node": node, "slices": SLICES}
    seller.post("/v1/orders", ask | {"available_until": minute_text(made.clock.minute() + 50_000)})


def _join(operator: MarketClient, url: str, name: str) -> MarketClient:
    joined = operator.post("/v1/participants", {"name": name, "email": f"{name}@example.org"})
    deposit = {"participant": joined["participant"]["id"], "amount": "100000", "key": f"bench/{name}"}
    operator.post("/v1/deposits", deposit)
    return MarketClient(url, joined["api_key"])
