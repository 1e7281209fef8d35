"""Where a billed amount comes from: days, their minutes with the reports that brought them, transfers and documents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, select, text

from billing.documents.archive import get_document
from billing.documents.content import Charge
from billing.tables import billable_contract, billed_day, delivered_by, ledger_entry, ledger_transfer, usage_minute
from common.errors import NotFound
from common.minutes import MINUTES_PER_DAY, minute_of_day

_DOCUMENTS = text("""
    SELECT DISTINCT document.id, document.number, document.kind
    FROM document, jsonb_array_elements(content -> 'appendix') AS charge
    WHERE participant_id = :participant AND month = ANY(CAST(:months AS text[])) AND state <> 'draft'
        AND charge ->> 'contract_id' = :contract
    ORDER BY document.id
""")


@dataclass(frozen=True, slots=True)
class Lineage:
    """What billing knows of a contract, or of one of its days. Amounts are micro-units.

    `minutes` are those behind the cursor, each with its report: node and sequence number in that node's stream. The
    report names another contract in minutes in which that one's guest delivered this one: `delivered_by`.
    """

    contract: dict[str, Any]
    days: list[dict[str, Any]]
    minutes: list[dict[str, Any]]
    delivered_by: list[dict[str, Any]]
    transfers: list[dict[str, Any]]
    documents: list[dict[str, Any]]


def of_contract(
    connection: Connection, participant: str, contract_id: str, after_minute: int, limit: int, day: date | None = None
) -> Lineage:
    """Everything about the contract that one of its parties may see; of a `day`, its minutes alone. Raises NotFound."""
    columns = billable_contract.c
    contract = connection.execute(select(billable_contract).where(columns.contract_id == contract_id)).one_or_none()
    if contract is None or participant not in (contract.buyer_id, contract.provider_id):
        raise NotFound("not_found", f"you have no contract {contract_id}", field="contract")
    days = (
        select(billed_day).where(billed_day.c.contract_id == contract_id).order_by(billed_day.c.day, billed_day.c.item)
    )
    if day is not None:
        days = days.where(billed_day.c.day == day)
    ordered = days.order_by(billed_day.c.day, billed_day.c.item)
    billed = [dict(row._mapping) for row in connection.execute(ordered)]
    months = sorted({row["month"] for row in billed})
    wanted = {"participant": participant, "months": months, "contract": contract_id}
    return Lineage(
        contract=dict(contract._mapping),
        days=billed,
        minutes=_minutes(connection, contract_id, after_minute, limit, day),
        delivered_by=_delivered_by(connection, contract_id),
        transfers=_transfers(connection, participant, contract_id),
        documents=[dict(row._mapping) for row in connection.execute(_DOCUMENTS, wanted)],
    )


def charges_of_line(connection: Connection, participant: str, document_id: str, line: int) -> list[Charge]:
    """The contracts' days that a line of the participant's document sums up. Raises NotFound."""
    content = get_document(connection, participant, document_id).content
    wanted = [each for each in content.lines if each.number == line]
    if not wanted:
        raise NotFound("not_found", f"the document has no line {line}", field="line")
    return [charge for charge in content.appendix if charge.line_key == wanted[0].line_key]


def _minutes(
    connection: Connection, contract_id: str, after_minute: int, limit: int, day: date | None
) -> list[dict[str, Any]]:
    columns = usage_minute.c
    query = select(columns.minute, columns.seconds, columns.node_id, columns.life, columns.sequence, columns.epoch)
    query = query.where(columns.contract_id == contract_id, columns.minute > after_minute)
    if day is not None:
        first = minute_of_day(day)
        query = query.where(columns.minute.between(first, first + MINUTES_PER_DAY - 1))
    return [dict(row._mapping) for row in connection.execute(query.order_by(columns.minute).limit(limit))]


def _delivered_by(connection: Connection, contract_id: str) -> list[dict[str, Any]]:
    columns = delivered_by.c
    query = select(columns.by_contract_id, columns.from_minute, columns.until_minute)
    query = query.where(columns.contract_id == contract_id).order_by(columns.from_minute)
    return [dict(row._mapping) for row in connection.execute(query)]


def _transfers(connection: Connection, participant: str, contract_id: str) -> list[dict[str, Any]]:
    """The participant's own entries for the contract."""
    entry, transfer = ledger_entry.c, ledger_transfer.c
    query = (
        select(transfer.id, transfer.kind, transfer.at_micros, entry.account_id, entry.amount_micros)
        .join(ledger_transfer, transfer.id == entry.transfer_id)
        .where(entry.reference == contract_id, entry.account_id.startswith(participant + "/", autoescape=True))
        .order_by(entry.transfer_id, entry.ordinal)
    )
    return [dict(row._mapping) for row in connection.execute(query)]
