"""Rows of accounts: what they hold, and the one way in which they are locked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, Text, any_, bindparam, select

from billing.tables import ledger_account
from common.errors import NotFound

HELD = select(ledger_account.c.id, ledger_account.c.balance_micros, ledger_account.c.reserved_micros).where(
    ledger_account.c.id == any_(bindparam("ids", type_=ARRAY(Text)))
)
"""What the accounts `ids` hold."""

LOCK = HELD.order_by(ledger_account.c.id).with_for_update(key_share=True)
"""The same, locked in one statement and in id order until the transaction ends."""


@dataclass(frozen=True, slots=True)
class Cash:
    """A participant's cash: balance, and the part of it that open orders reserve."""

    balance_micros: int
    reserved_micros: int

    @property
    def available_micros(self) -> int:
        """What new orders may reserve."""
        return self.balance_micros - self.reserved_micros


def held_in(rows: Iterable[Any], wanted: Iterable[str]) -> Mapping[str, Cash]:
    """What the rows of HELD or LOCK say, by account. Raises NotFound unless all that are wanted are there."""
    held = {account_id: Cash(balance, reserved) for account_id, balance, reserved in rows}
    if missing := set(wanted) - held.keys():
        raise NotFound("not_found", f"there is no account of {min(missing)}")
    return held
