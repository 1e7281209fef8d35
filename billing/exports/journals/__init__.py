"""The general ledger as plain-text journals: every transfer and, at the end, every balance, for hledger and beancount.

In the ledger, money into an account is above zero and the bank's balance is below it; accountants write it the other
way round. So every amount changes its sign here: the bank is an asset, what participants own is the market's liability.
"""

from billing.exports.journals.as_beancount import beancount_pieces
from billing.exports.journals.as_hledger import hledger_pieces

__all__ = ["beancount_pieces", "hledger_pieces"]
