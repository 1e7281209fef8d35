"""Automatic offers: a node's idle slices sell themselves."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import Connection

from market.http.auth import Providing, Reading
from market.http.problems import documented
from market.http.reseller_models import PlanModel, ResellerModel, ResellerRequest, plan_model, reseller_model
from market.http.routes.nodes import NodeId
from market.http.services import Market, Services
from market.http.strict_route import StrictRoute
from market.nodes.register_node import get_node
from market.participants.keys import Caller
from market.reseller.keep import Kept, find_reseller, put_reseller, stop_reseller
from market.reseller.preview import preview
from market.reseller.results import result
from market.reseller.settings import ResellerSettings

router = APIRouter(route_class=StrictRoute, prefix="/v1/nodes/{node}/reseller", tags=["providers"])


@router.put("", responses=documented(401, 403, 404, 422))
def put(node: NodeId, body: ResellerRequest, who: Providing, market: Market) -> ResellerModel:
    """Let the node's idle slices sell themselves, or change how. Offers follow within a market minute, one change in
    each. To end it: DELETE, or `enabled: false`."""

    def work(connection: Connection) -> ResellerModel:
        settings = _settings(connection, who, node, body)
        minute = market.clock.minute()
        kept = put_reseller(connection, who.participant, node, settings, minute, enabled=body.enabled)
        return _answer(connection, market, who, kept)

    return market.write(work)


@router.get("", responses=documented(401, 403, 404, 422))
def get(node: NodeId, who: Reading, market: Market) -> ResellerModel:
    """How the node's idle slices are sold, what the last turn did and why, and what came of it."""
    return market.read(
        lambda connection: _answer(connection, market, who, find_reseller(connection, who.participant, node))
    )


@router.delete("", responses=documented(401, 403, 404, 422))
def stop(node: NodeId, who: Providing, market: Market) -> ResellerModel:
    """Switch it off: its offers leave the book, what is sold stays sold. Off already: no error."""

    def work(connection: Connection) -> ResellerModel:
        kept = stop_reseller(connection, who.participant, node, market.clock.minute())
        return _answer(connection, market, who, kept)

    return market.write(work)


@router.get("/plan", responses=documented(401, 403, 404, 422))
def plan(node: NodeId, who: Reading, market: Market) -> PlanModel:
    """A dry run: what it would do now with its present settings, and why."""
    return plan_model(preview(market.database, who.participant, node, None, market.clock.minute()))


@router.post("/plan", responses=documented(401, 403, 404, 422))
def plan_with(node: NodeId, body: ResellerRequest, who: Reading, market: Market) -> PlanModel:
    """A dry run before you decide: what it would do now with these settings, and why."""
    settings = market.read(lambda connection: _settings(connection, who, node, body))
    return plan_model(preview(market.database, who.participant, node, settings, market.clock.minute()))


def _settings(connection: Connection, who: Caller, node: str, body: ResellerRequest) -> ResellerSettings:
    return body.settings(get_node(connection, who.participant, node)["reserved_until"])


def _answer(connection: Connection, market: Services, who: Caller, kept: Kept) -> ResellerModel:
    return reseller_model(kept, result(connection, who.participant, kept.node, market.clock.minute()))
