"""Every single change of a row that follows from the journal is found, and told by the name of its table."""

from __future__ import annotations

import pytest

from nestex.audit.market import audit_moment
from tests.nestex.audit.conftest import TrueMarket
from tests.nestex.audit.row_mutations import RowMutation, column_mutations, unseen_mutations, whole_row_mutations

FOUND = [*column_mutations(), *whole_row_mutations()]
UNSEEN = list(unseen_mutations())


def found(market: TrueMarket, mutation: RowMutation) -> str | None:
    """What the audit says of the market with this change, which is taken back."""
    with market.database.connect() as connection:
        mutation.apply(connection)
        return audit_moment(connection, None, lambda done, total: None).difference


@pytest.mark.parametrize("mutation", FOUND, ids=lambda mutation: mutation.name)
def test_a_change_of_a_row_is_found(true_market: TrueMarket, mutation: RowMutation) -> None:
    difference = found(true_market, mutation)
    assert difference is not None
    assert mutation.says in difference


@pytest.mark.parametrize("mutation", UNSEEN, ids=lambda mutation: mutation.name)
def test_what_does_not_follow_from_the_journal_is_not_told(true_market: TrueMarket, mutation: RowMutation) -> None:
    assert found(true_market, mutation) is None
