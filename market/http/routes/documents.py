"""Invoices, self-billed invoices and credit notes, in every format."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from billing import documents as billing_documents
from billing.documents import Document, DocumentHead, corrections
from billing.documents.formats import FORMATS, JSON
from common.decimals import print_scaled
from market.http.auth import Finance, Operating
from market.http.cursors import id_cursor
from market.http.fields import After, Limit, Name, Page, Request, next_cursor
from market.http.problems import documented
from market.http.services import Market, Reader
from market.http.strict_route import StrictRoute
from market.http.whose import AnyMonth, Everybody, month_asked_for, owner_asked_for

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["documents"])


class DocumentModel(BaseModel):
    """The head of a document. Amounts are decimal strings with two decimals."""

    id: str
    participant: str
    kind: str = Field(description="invoice (you bought) or self_billed_invoice (you sold), and credit notes to either")
    number: str
    period: str
    state: str
    currency: str
    net: str
    vat: str
    total: str


class ReissueRequest(Request):
    """Why a document is issued anew."""

    reason: Name


@router.get("/documents", responses=documented(401, 403, 422))
def documents(
    who: Finance,
    connection: Reader,
    after: After = "",
    limit: Limit = 100,
    month: AnyMonth = None,
    everybody: Everybody = False,
) -> Page[DocumentModel]:
    """Your documents, oldest first."""
    owner = owner_asked_for(who, everybody=everybody)
    rows = billing_documents.list_documents(connection, owner, id_cursor(after, "doc"), limit, month_asked_for(month))
    items = [_model(row) for row in rows]
    return Page(items=items, next=next_cursor([item.id for item in items], limit))


@router.get(
    "/documents/{document}",
    response_model=None,
    responses=documented(401, 403, 404, 422)
    | {200: {"description": "the document", "content": {media_type: {} for media_type in FORMATS}}},
)
def document(
    document: Annotated[str, Path(min_length=1, max_length=80)],
    who: Finance,
    connection: Reader,
    accept: Annotated[str, Header()] = JSON,
) -> Response:
    """A document of yours, or anybody's for the operator, in the first of these formats that `Accept` names.

    Whole, with an appendix per contract and day, as JSON; its lines as CSV; a PDF that carries the CII (Factur-X); UBL
    2.1 and CII in the form of EN 16931.
    """
    owner = None if "operate" in who.scopes else who.participant
    row = billing_documents.get_document(connection, owner, document)
    wanted = (part.partition(";")[0].strip() for part in accept.split(","))
    media_type = next((one for one in wanted if one in FORMATS), JSON)
    return Response(FORMATS[media_type](row), media_type=media_type)


@router.post("/documents/{document}/reissue", status_code=201, responses=documented(401, 403, 404, 409, 422))
def reissue(
    document: Annotated[str, Path(min_length=1, max_length=80)], body: ReissueRequest, who: Operating, market: Market
) -> DocumentModel:
    """Void a document by a credit note, and issue it anew with the parties as they are known now. No money moves."""

    def work(connection: Connection) -> DocumentModel:
        made = corrections.reissue(connection, document, body.reason, market.clock.now_micros())
        return _model(billing_documents.get_document(connection, None, made))

    return market.write(work)


def _model(row: Document | DocumentHead) -> DocumentModel:
    amounts = {name: print_scaled(getattr(row, f"{name}_cents"), 2) for name in ("net", "vat", "total")}
    return DocumentModel(
        id=row.id,
        participant=row.participant_id,
        kind=row.kind,
        number=row.number,
        period=row.month,
        state=row.state,
        currency=row.currency,
        **amounts,
    )
