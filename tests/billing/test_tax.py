"""Value added tax by simple rules."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection

from billing.identities import Form, LegalIdentity, save
from billing.tax import TaxProfile, profile, profiles
from common.errors import NotFound
from tests.billing.factories import AT, AUSTRIAN_BUYER, GERMAN_PROVIDER

NO_NUMBER = replace(GERMAN_PROVIDER, tax_number=None)


@pytest.mark.parametrize(
    ("home", "form", "as_buyer", "as_provider"),
    [
        ("DE", GERMAN_PROVIDER, (190_000, "S"), (190_000, "S")),
        ("DE", NO_NUMBER, (190_000, "S"), (0, "O")),
        ("DE", AUSTRIAN_BUYER, (0, "AE"), (0, "AE")),
        ("DE", replace(NO_NUMBER, country="AT"), (190_000, "S"), (0, "O")),
        ("DE", replace(NO_NUMBER, country="US"), (0, "O"), (0, "O")),
        ("DE", replace(GERMAN_PROVIDER, country="CH"), (0, "O"), (0, "O")),
        ("DE", None, (190_000, "S"), (0, "O")),
        ("FI", None, (255_000, "S"), (0, "O")),
        ("FI", GERMAN_PROVIDER, (0, "AE"), (0, "AE")),
        ("US", GERMAN_PROVIDER, (0, "O"), (0, "O")),
        ("US", None, (0, "O"), (0, "O")),
    ],
)
def test_the_rule_follows_from_both_countries_and_the_vat_number(
    home: str, form: Form | None, as_buyer: tuple[int, str], as_provider: tuple[int, str]
) -> None:
    identity = LegalIdentity("somebody", 7, form) if form else None
    assert profile(home, identity) == TaxProfile(*as_buyer, *as_provider, 7 if form else None)


def test_profiles_of_many_come_from_their_newest_versions(books: Connection) -> None:
    save(books, "buyer", GERMAN_PROVIDER, AT)
    save(books, "buyer", AUSTRIAN_BUYER, AT + 1)
    found = profiles(books, ["buyer", "provider"])
    assert found["buyer"] == TaxProfile(0, "AE", 0, "AE", 2)
    assert found["provider"] == TaxProfile(190_000, "S", 0, "O", None)


def test_a_market_without_an_identity_cannot_tell_any_tax(books: Connection) -> None:
    books.exec_driver_sql("ALTER TABLE legal_identity DISABLE TRIGGER USER")
    books.exec_driver_sql("DELETE FROM legal_identity WHERE participant_id = 'market'")
    with pytest.raises(NotFound):
        profiles(books, ["buyer"])
