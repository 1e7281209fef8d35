"""Tables of the market: who trades, what is traded, orders, trades, contracts, and the engine's own."""

from market.tables.calls import cancel_timer, idempotency
from market.tables.engine import journal, lease, snapshot
from market.tables.offers import enrolment, instrument, node, slice_class
from market.tables.parties import api_key, membership, participant, user_account
from market.tables.reselling import reseller, reseller_span
from market.tables.trading import contract, orders, trade

__all__ = [
    "api_key",
    "cancel_timer",
    "contract",
    "enrolment",
    "idempotency",
    "instrument",
    "journal",
    "lease",
    "membership",
    "node",
    "orders",
    "participant",
    "reseller",
    "reseller_span",
    "slice_class",
    "snapshot",
    "trade",
    "user_account",
]
