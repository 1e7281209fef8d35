"""The datasets of FOCUS, for a participant or, for the operator, for everybody: header and rows, read as they are
written.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from billing.exports.dataset import Dataset
from billing.exports.focus.billed import document_rows, heads
from billing.exports.focus.charges import CostRow
from billing.exports.focus.columns import FOCUS_1_2, FOCUS_1_4, in_ascii, values
from billing.exports.focus.invoices import (
    BILLING_PERIOD_COLUMNS,
    INVOICE_DETAIL_COLUMNS,
    billing_period_rows,
    invoice_detail_rows,
)
from billing.exports.focus.unbilled import open_months, open_rows
from common.errors import InvalidInput
from runtime import deployment

COST_AND_USAGE = "cost-and-usage"
INVOICE_DETAIL = "invoice-detail"
BILLING_PERIOD = "billing-period"
VERSIONS = {"1.2": (COST_AND_USAGE,), "1.4": (COST_AND_USAGE, INVOICE_DETAIL, BILLING_PERIOD)}


def dataset(
    connection: Connection, version: str, name: str, participant_id: str | None, month: str | None = None
) -> Dataset:
    """One dataset, of one month or of all. Raises InvalidInput for a version or a dataset that there is not."""
    if name not in VERSIONS.get(version, ()):
        known = ", ".join(f"{one} of {number}" for number, names in VERSIONS.items() for one in names)
        raise InvalidInput(
            "invalid_field", f"there is no FOCUS dataset {name} of {version}", field="dataset", limit=known
        )
    if name == INVOICE_DETAIL:
        return Dataset(INVOICE_DETAIL_COLUMNS, invoice_detail_rows(connection, participant_id, month))
    if name == BILLING_PERIOD:
        return Dataset(BILLING_PERIOD_COLUMNS, billing_period_rows(connection, participant_id, month))
    rows = cost_rows(connection, participant_id, month)
    if version == "1.2":
        return Dataset(tuple(FOCUS_1_2), in_ascii(values(FOCUS_1_2, rows)))
    return Dataset(tuple(FOCUS_1_4), values(FOCUS_1_4, rows))


def cost_rows(connection: Connection, participant_id: str | None, month: str | None) -> Iterator[CostRow]:
    """Documents by month and number, then the months that are not closed."""
    for head in heads(connection, participant_id, month):
        yield from document_rows(connection, head)
    currency = deployment.read(connection).currency
    for open_month in open_months(connection, month):
        yield from open_rows(connection, participant_id, open_month, currency)
