"""Nodes of a provider, and the enrolment of their agents."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import nats.errors
from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from sqlalchemy import RowMapping

from common.enrolment import EnrolRequest
from common.errors import InvalidInput, Unavailable
from common.minutes import instant_text, minute_text, parse_minute
from common.questions import NodeAnswer
from common.wire import LONGEST_REASON, Capacity
from market.http.auth import Providing, Reading
from market.http.cursors import id_cursor
from market.http.fields import After, InstantText, Label, Limit, Page, Request, next_cursor
from market.http.problems import documented
from market.http.services import Market, Reader, Services
from market.http.strict_route import StrictRoute
from market.nodes.agent_words import plain_text
from market.nodes.ask_agent import ask_agent
from market.nodes.drain import set_draining, withdraw_asks_of
from market.nodes.enrolment import issue_token, use_token
from market.nodes.register_node import get_node, list_nodes, register_node
from market.participants.keys import Caller
from runtime.bus import ensure_allocation_consumer
from runtime.nats_jwt import is_public_key

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["providers"])

NodeId = Annotated[str, Path(min_length=1, max_length=80)]


class CapacityModel(Request):
    """Whole vCPUs, MiB of memory, GiB of disk."""

    vcpus: int = Field(ge=1, le=100_000)
    memory_mib: int = Field(ge=1, le=1_000_000_000)
    disk_gib: int = Field(ge=1, le=100_000_000)


class NodeRequest(Request):
    """A VM (L1) that you have reserved, and what you offer of it. The agent measures it: more than there is, is cut."""

    name: Label
    zone: Label
    offered: CapacityModel
    reserved_until: InstantText = Field(description="when your own reservation ends; nothing is sold beyond it")


class NodeModel(BaseModel):
    """A node. `state`: new (no agent yet), online, lost. Of one that is draining nothing more is sold."""

    id: str
    name: str
    zone: str
    state: str
    draining: bool
    offered: CapacityModel
    reserved_until: InstantText
    agent_version: str | None
    wire_version: int | None = Field(description="of the agents' protocol, as its agent speaks it")
    heartbeat_at: str | None = Field(description="real time of the newest heartbeat")


class NodeStatusModel(BaseModel):
    """What a node's agent says now: its hypervisor, and the states of its guests by contract."""

    answers: bool = Field(description="whether its hypervisor answered; `reason` says why not")
    reason: str
    agent_version: str
    hypervisor: str
    hypervisor_version: str
    abilities: list[str] = Field(description="what guests of this hypervisor can have and do")
    synced: bool = Field(description="whether the agent knows all that it should hold")
    guests: dict[str, str]


class TokenModel(BaseModel):
    """A one-time token for the node's agent, shown only here: give it to `nestex agent` as NESTEX_AGENT_TOKEN."""

    token: str
    expires_at: str = Field(description="real time")


class EnrolBody(Request):
    """What an agent sends: its token, the public half of a key that it made itself, and what it measured."""

    token: str = Field(max_length=200)
    public_key: str = Field(pattern=r"^U[A-Z2-7]{55}$", description="public user nkey")
    agent_version: str = Field(max_length=40)
    capacity: CapacityModel


class EnrolModel(BaseModel):
    """What the agent needs from then on."""

    node: str
    jwt: str
    nats_servers: list[str]
    clock_wall_micros: int
    clock_market_micros: int
    clock_speed: int


@router.post("/nodes", status_code=201, responses=documented(401, 403, 409, 422))
def register(body: NodeRequest, who: Providing, market: Market) -> NodeModel:
    """Register a node; then get a token for its agent."""
    reserved_until = parse_minute(body.reserved_until, field="reserved_until")
    if reserved_until <= market.clock.minute():
        raise InvalidInput("invalid_field", "reserved_until lies in the past", field="reserved_until")
    row = market.write(
        lambda connection: register_node(
            connection,
            market.clock.now_ms(),
            who.participant,
            name=body.name,
            zone=body.zone,
            offered=Capacity(**body.offered.model_dump()),
            reserved_until=reserved_until,
        )
    )
    return _model(row)


@router.get("/nodes", responses=documented(401, 403, 422))
def nodes(who: Reading, connection: Reader, after: After = "", limit: Limit = 100) -> Page[NodeModel]:
    """Your nodes, oldest first."""
    items = [_model(row) for row in list_nodes(connection, who.participant, id_cursor(after, "nod"), limit)]
    return Page(items=items, next=next_cursor([item.id for item in items], limit))


@router.get("/nodes/{node}", responses=documented(401, 403, 404, 422))
def node(node: NodeId, who: Reading, connection: Reader) -> NodeModel:
    """One of your nodes."""
    return _model(get_node(connection, who.participant, node))


@router.get("/nodes/{node}/status", responses=documented(401, 403, 404, 422, 503))
async def node_status(node: NodeId, who: Providing, market: Market) -> NodeStatusModel:
    """What the agent of one of your nodes says now."""
    await asyncio.to_thread(market.read, lambda connection: get_node(connection, who.participant, node))
    told = await ask_agent(market.bus, node, "node", "", NodeAnswer)
    return NodeStatusModel(
        answers=told.ok,
        reason=plain_text(told.reason, LONGEST_REASON),
        agent_version=plain_text(told.agent_version, 40),
        hypervisor=plain_text(told.hypervisor, 40),
        hypervisor_version=plain_text(told.hypervisor_version, 40),
        abilities=[plain_text(ability, 40) for ability in told.abilities[:40]],
        synced=told.synced,
        guests={plain_text(contract, 80): state for contract, state in told.guests.items()},
    )


@router.post("/nodes/{node}/drain", responses=documented(401, 403, 404, 422))
async def drain(node: NodeId, who: Providing, market: Market) -> NodeModel:
    """Sell nothing more of this node: its asks are canceled, new ones are refused, contracts run to their end."""
    row = await _draining(market, who, node, draining=True)
    await withdraw_asks_of(market.database, market.engine, node)
    return _model(row)


@router.delete("/nodes/{node}/drain", responses=documented(401, 403, 404, 422))
async def undrain(node: NodeId, who: Providing, market: Market) -> NodeModel:
    """Sell of this node again. Asks that were canceled do not come back; automatic offers do."""
    return _model(await _draining(market, who, node, draining=False))


@router.post("/nodes/{node}/enrolment", status_code=201, responses=documented(401, 403, 404, 422))
def enrolment(node: NodeId, who: Providing, market: Market) -> TokenModel:
    """A token that lets one agent enrol as this node, once, within the hour."""
    issued = market.write(lambda connection: issue_token(connection, market.clock.now_ms(), who.participant, node))
    return TokenModel(token=issued.token, expires_at=instant_text(issued.expires_at))


@router.post("/agents", status_code=201, tags=["agents"], responses=documented(403, 422, 503))
async def enrol(body: EnrolBody, market: Market) -> EnrolModel:
    """An agent enrols with its token and gets its identity on the bus. No API key: the token speaks for the
    provider."""
    if market.agents is None:
        raise Unavailable("bus_unavailable", "this market process has no key with which to admit agents")
    if not is_public_key(body.public_key, "user"):
        raise InvalidInput("invalid_field", "public_key is no public user nkey", field="public_key")
    request = EnrolRequest(body.token, body.public_key, body.agent_version, Capacity(**body.capacity.model_dump()))
    node_id = await asyncio.to_thread(market.write, lambda connection: use_token(connection, request))
    try:
        await ensure_allocation_consumer(market.bus.jetstream(), node_id)
    except (nats.errors.Error, TimeoutError) as error:
        raise Unavailable("bus_unavailable", "the bus did not answer; enrol again with the same token") from error
    anchor, issued_at = market.clock.anchor, market.clock.real.wall_micros() // 1_000_000
    return EnrolModel(
        node=node_id,
        jwt=market.agents.agent_jwt(node_id, body.public_key, issued_at),
        nats_servers=list(market.settings.agent_nats_servers),
        clock_wall_micros=anchor.wall_micros,
        clock_market_micros=anchor.market_micros,
        clock_speed=anchor.speed,
    )


async def _draining(market: Services, who: Caller, node: str, *, draining: bool) -> RowMapping:
    return await asyncio.to_thread(
        market.write, lambda connection: set_draining(connection, who.participant, node, draining)
    )


def _model(row: Mapping[Any, Any]) -> NodeModel:
    return NodeModel(
        id=row["id"],
        name=row["name"],
        zone=row["zone"],
        state=row["state"],
        draining=row["draining"],
        offered=CapacityModel(vcpus=row["vcpus"], memory_mib=row["memory_mib"], disk_gib=row["disk_gib"]),
        reserved_until=minute_text(row["reserved_until"]),
        agent_version=row["agent_version"],
        wire_version=row["wire_version"],
        heartbeat_at=None if row["heartbeat_at"] is None else instant_text(row["heartbeat_at"]),
    )
