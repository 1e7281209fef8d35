"""The scene: an instrument, a provider for each strategy with its nodes, consumers with money; all over HTTP."""

from __future__ import annotations

import dataclasses
import json
import sys
from dataclasses import dataclass

from bench.week.cast import BUYERS, STRATEGIES, ZONE, NodeCast
from common.minutes import minute_text
from nestex.cli.client import MarketClient
from nestex.demo.cast import PROVIDERS
from nestex.demo.scene import join
from nestex.local import LocalMarket
from nestex.stack.supervisor import Child

CODE = f"{ZONE}.std.firm"
_CASH = "100000.00"
_RESERVED_MINUTES = 43_200
_DEADLINE_MINUTES = 120
"""Real seconds on a fast clock: for a worker that was killed to come back in, and to hear of guests that are ready."""


@dataclass(frozen=True, slots=True)
class SellersNode:
    """A node with the key of its owner."""

    cast: NodeCast
    id: str
    owner: MarketClient


@dataclass(frozen=True, slots=True)
class Scene:
    """Everybody, ready to trade."""

    nodes: tuple[SellersNode, ...]
    buyers: tuple[MarketClient, ...]


def set_scene(market: LocalMarket, cast: list[NodeCast], end: int) -> Scene:
    """Open the market, and start the agents. Nodes are reserved well beyond the minute `end`."""
    operator = MarketClient(market.url, market.operator_key)
    deadline = {"delivery_deadline_minutes": _DEADLINE_MINUTES}
    operator.post("/v1/instruments", {"zone": ZONE, "slice_class": "std", "firmness": "firm"} | deadline)
    owners = {strategy: _provider(market, operator, strategy) for strategy in STRATEGIES}
    made = tuple(_node(owners[node.strategy], node, end) for node in cast)
    _start_agents(market, made)
    buyers = (f"buyer-{number}" for number in range(BUYERS))
    return Scene(made, tuple(join(market.url, operator, _person(name), _CASH) for name in buyers))


def begin_to_sell(node: SellersNode) -> None:
    """Switch the node's reseller on, with what it does unless it is told otherwise."""
    body = {
        "instruments": [CODE],
        "cost_per_hour": node.cast.cost_per_hour,
        "strategy": node.cast.strategy,
        "keep": dataclasses.asdict(node.cast.kept),
    }
    node.owner.put(f"/v1/nodes/{node.id}/reseller", body)


def _provider(market: LocalMarket, operator: MarketClient, strategy: str) -> MarketClient:
    client = join(market.url, operator, _person(strategy), _CASH)
    client.post("/v1/providers", PROVIDERS[0].form)
    return client


def _person(name: str) -> dict[str, str]:
    return {"name": name, "email": f"{name}@week.example"}


def _node(owner: MarketClient, cast: NodeCast, end: int) -> SellersNode:
    offered, until = dataclasses.asdict(cast.capacity), minute_text(end + _RESERVED_MINUTES)
    body = {"name": cast.name, "zone": ZONE, "offered": offered, "reserved_until": until}
    return SellersNode(cast, owner.post("/v1/nodes", body)["id"], owner)


def _start_agents(market: LocalMarket, nodes: tuple[SellersNode, ...]) -> None:
    folder = market.supervisor.folder
    told = [
        {
            "market": market.url,
            "token": node.owner.post(f"/v1/nodes/{node.id}/enrolment")["token"],
            "data": str(folder.subfolder(f"agents/{node.cast.name}")),
            "capacity": dataclasses.asdict(node.cast.capacity),
        }
        for node in nodes
    ]
    file = folder.subfolder("agents") / "told.json"
    file.write_text(json.dumps(told), encoding="utf-8")
    market.supervisor.start(Child("agents", (sys.executable, "-m", "bench.week.nodes", str(file))))
