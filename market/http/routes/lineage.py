"""Where a billed amount comes from, in one call: line, day, minutes, reports, contract, trade, order."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from market.contracts.lineage import contract_lineage, line_lineage
from market.http.auth import Finance, Reading
from market.http.cursors import number_cursor
from market.http.fields import After, Limit
from market.http.lineages import LineageModel, LineLineageModel, lineage_model
from market.http.problems import documented
from market.http.services import Reader
from market.http.strict_route import StrictRoute

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["contracts"])

_DAYS_AT_ONCE = 20


@router.get("/contracts/{contract}/lineage", responses=documented(401, 403, 404, 422))
def of_contract(
    contract: Annotated[str, Path(min_length=1, max_length=80)],
    who: Reading,
    connection: Reader,
    after: After = "",
    limit: Limit = 500,
) -> LineageModel:
    """Days, minutes with their reports, transfers, documents, trade and your order, of one contract."""
    found = contract_lineage(connection, who.participant, contract, number_cursor(after), limit)
    return lineage_model(found, limit)


@router.get("/documents/{document}/lines/{line}/lineage", responses=documented(401, 403, 404, 422))
def of_line(
    document: Annotated[str, Path(min_length=1, max_length=80)],
    line: Annotated[int, Path(ge=1, le=2**31 - 1)],
    who: Finance,
    connection: Reader,
    after: After = "",
) -> LineLineageModel:
    """The contract days behind a line of your document, each down to its reports, trade and order."""
    first = number_cursor(after)
    found, total = line_lineage(connection, who.participant, document, line, first, _DAYS_AT_ONCE)
    following = str(first + len(found)) if first + len(found) < total else None
    return LineLineageModel(items=[lineage_model(each, 0) for each in found], total=total, next=following)
