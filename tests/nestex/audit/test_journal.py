"""Every single change of the journal is found, and told by its place."""

from __future__ import annotations

import re

import pytest

from nestex.audit.market import audit_moment
from tests.market.factories import ZONE
from tests.nestex.audit.conftest import TrueMarket
from tests.nestex.audit.journal_blocks import JournalMutation, rewrite, structural_mutations
from tests.nestex.audit.journal_fields import fact_mutations, field_mutations, weightless_mutations

PLACE = re.compile(r"fra1 (at )?\d+|journal of fra1|lease of fra1")


FOUND = [*field_mutations(), *fact_mutations(), *structural_mutations()]
WEIGHTLESS = list(weightless_mutations())


def found(market: TrueMarket, mutation: JournalMutation) -> str | None:
    """What the audit says of the market with this change, which is taken back."""
    with market.database.connect() as connection:
        rewrite(connection, mutation, market.tags)
        return audit_moment(connection, ZONE, lambda done, total: None).difference


@pytest.mark.parametrize("mutation", FOUND, ids=lambda mutation: mutation.name)
def test_a_change_of_the_journal_is_found(true_market: TrueMarket, mutation: JournalMutation) -> None:
    difference = found(true_market, mutation)
    assert difference is not None
    assert PLACE.search(difference), difference


@pytest.mark.parametrize("mutation", WEIGHTLESS, ids=lambda mutation: mutation.name)
def test_a_fact_that_decided_nothing_may_be_another(true_market: TrueMarket, mutation: JournalMutation) -> None:
    assert found(true_market, mutation) is None
