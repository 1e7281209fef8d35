"""The chart of accounts: what each account of the ledger is called in a journal. Pure."""

from __future__ import annotations

import re

from billing.transfers import MARKET

_MARKET = {
    "bank": "Assets:Bank",
    "fees": "Income:Fees",
    "tax": "Liabilities:Tax",
    "reserve": "Liabilities:Reserve",
}
_PLAIN = re.compile(r"[a-z0-9]")


def journal_account(account_id: str) -> str:
    """A name that both programs allow, no two accounts the same: `Liabilities:P-prt-01h...:Cash`."""
    owner, _, kind = account_id.rpartition("/")
    if owner == MARKET:
        return _MARKET.get(kind, f"Liabilities:Market:{kind.capitalize()}")
    return f"Liabilities:P-{_escaped(owner)}:{kind.capitalize()}"


def _escaped(owner: str) -> str:
    """Letters and digits as they are, `_` as `-`, anything else as `--` and its code."""
    return "".join(one if _PLAIN.match(one) else "-" if one == "_" else f"--{ord(one):x}-" for one in owner)
