"""A run of payouts as its file for the bank names it: what was booked, and nothing else."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from billing.documents.content import SELF_BILLED_INVOICE
from billing.documents.issue import parties
from billing.exports.payouts import Payer, Payout
from billing.payments import Payment, payments_of_run
from billing.tables import document
from billing.transfers import MARKET
from common.errors import Refused
from runtime.arrays import among

_CHUNK = 1_000


def paid_out(connection: Connection, key: str) -> tuple[Payer, list[Payout], int]:
    """The market, the payouts of the run by id, and the market time, in microseconds, of the latest.

    Raises Refused (`not_a_sepa_payment`) while the market's own legal identity names no IBAN.
    """
    market = parties(connection, [MARKET])[MARKET]
    if market.company is None or market.iban is None:
        raise Refused("not_a_sepa_payment", "the market's legal identity names no IBAN to pay from", field="iban")
    made: list[Payment] = []
    while chunk := payments_of_run(connection, key, made[-1].id if made else "", _CHUNK):
        made += chunk
    numbers = _newest_invoices(connection, made)
    payouts = [
        Payout(one.id, one.holder, one.iban, one.amount_cents, numbers.get(one.participant_id, one.id)) for one in made
    ]
    return Payer(market.company, market.iban), payouts, max((one.at_micros for one in made), default=0)


def _newest_invoices(connection: Connection, payments: list[Payment]) -> dict[str, str]:
    """Participant -> the number of the newest self-billed invoice that its payment settles: what it finds it by."""
    columns = document.c
    query = (
        select(columns.participant_id, func.max(columns.number))
        .where(
            among(columns.participant_id, [payment.participant_id for payment in payments]),
            columns.kind == SELF_BILLED_INVOICE,
            columns.issued_at_micros <= max((payment.at_micros for payment in payments), default=0),
        )
        .group_by(columns.participant_id)
    )
    return {row[0]: row[1] for row in connection.execute(query)}
