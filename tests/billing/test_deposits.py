"""Money that came in is booked once."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from billing import ledger
from billing.deposits import deposit
from common.errors import Conflict, InvalidInput, NotFound
from tests.billing.factories import AT, CASH


def test_a_deposit_is_booked_once_per_key(books: Connection) -> None:
    deposit(books, "buyer", 70, "wire", AT)
    deposit(books, "buyer", 70, "wire", AT + 1)
    deposit(books, "provider", 70, "wire", AT)
    assert ledger.balances(books, "buyer")["cash"] == CASH + 70
    assert ledger.balances(books, "market")["bank"] == -2 * CASH - 140
    with pytest.raises(Conflict):
        deposit(books, "buyer", 71, "wire", AT)
    with pytest.raises(NotFound):
        deposit(books, "nobody", 1, "wire", AT)


@pytest.mark.parametrize("amount", [0, -1, 2**63])
def test_a_deposit_is_above_zero_and_fits(books: Connection, amount: int) -> None:
    with pytest.raises(InvalidInput):
        deposit(books, "buyer", amount, "wire", AT)


def test_a_balance_that_no_column_holds_is_refused(books: Connection) -> None:
    with pytest.raises(InvalidInput) as caught:
        deposit(books, "buyer", 2**63 - 1, "wire", AT)
    assert caught.value.code == "amount_too_large"
