"""Tables of billing: ledger, legal identities, billable contracts, usage, periods and documents.

Amounts are micro-units of the settlement currency, `*_cents` whole cents, minutes UTC minutes since the Unix epoch,
and `*_at_micros` market time. Ids of participants, nodes and contracts are the market's; no foreign key leads there.
The migrations let nobody change a row of `ledger_transfer`, `ledger_entry`, `ledger_seal`, `legal_identity`,
`billed_day`, `billing_credit` or `payment`.
"""

from billing.tables.accounts import (
    books_check,
    ledger_account,
    ledger_entry,
    ledger_seal,
    ledger_transfer,
    legal_identity,
)
from billing.tables.corrections import billing_credit, provider_debt
from billing.tables.disputes import usage_dispute, usage_disputed_minute
from billing.tables.papers import billed_day, billing_period, document, document_counter
from billing.tables.payments import payment
from billing.tables.usage import (
    billable_contract,
    delivered_by,
    usage_minute,
    usage_receipt,
    usage_refused,
    usage_watermark,
)

__all__ = [
    "billable_contract",
    "billed_day",
    "billing_credit",
    "billing_period",
    "books_check",
    "delivered_by",
    "document",
    "document_counter",
    "ledger_account",
    "ledger_entry",
    "ledger_seal",
    "ledger_transfer",
    "legal_identity",
    "payment",
    "provider_debt",
    "usage_dispute",
    "usage_disputed_minute",
    "usage_minute",
    "usage_receipt",
    "usage_refused",
    "usage_watermark",
]
