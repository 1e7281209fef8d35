"""What is payable to providers now, as the payouts that would settle it in whole cents.

Nothing is booked here: the same state of the ledger gives the same payouts with the same ids, and a bank refuses an id
that it has seen.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from billing.documents.issue import parties
from billing.exports.payouts import Payer, Payout
from billing.transfers import MARKET
from common.errors import Refused
from common.ids import derived_id
from common.money import MICROS_PER_CENT

# The last document that made something payable names the payout; its time makes the id.
_PAYABLE = text("""
    SELECT account.owner, account.balance_micros, entry.reference, transfer.at_micros, document.number
    FROM ledger_account AS account
    JOIN LATERAL (
        SELECT transfer_id, reference FROM ledger_entry WHERE account_id = account.id
        ORDER BY transfer_id DESC, ordinal DESC LIMIT 1
    ) AS entry ON true
    JOIN ledger_transfer AS transfer ON transfer.id = entry.transfer_id
    LEFT JOIN document ON document.id = entry.reference
    WHERE account.kind = 'payable' AND account.balance_micros >= :cent
    ORDER BY account.owner
""")


def payable_now(connection: Connection) -> tuple[Payer, list[Payout], int]:
    """The market, the payouts, and the market time, in microseconds, of the latest posting among them.

    Providers without an IBAN are left out. Raises Refused (`not_a_sepa_payment`) while the market itself has none.
    """
    rows = connection.execute(_PAYABLE, {"cent": MICROS_PER_CENT}).all()
    known = parties(connection, [MARKET, *(row.owner for row in rows)])
    market = known[MARKET]
    if market.company is None or market.iban is None:
        raise Refused("not_a_sepa_payment", "the market's legal identity names no IBAN to pay from", field="iban")
    payouts = []
    for row in rows:
        party = known[row.owner]
        if party.company is None or party.iban is None:
            continue
        amount = row.balance_micros // MICROS_PER_CENT
        identity = derived_id("pay", row.at_micros // 1000, row.owner, row.reference or "", amount)
        payouts.append(Payout(identity, party.company, party.iban, amount, row.number or identity))
    return Payer(market.company, market.iban), payouts, max((row.at_micros for row in rows), default=0)
