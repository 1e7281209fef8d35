"""Legal identities are checked by their countries' rules and versioned."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from billing.identities import Form, latest, save
from billing.tables import legal_identity
from common.errors import InvalidInput
from tests.billing.factories import AT, AUSTRIAN_BUYER, GERMAN_PROVIDER

CONSUMER = Form("Ada Lovelace", "FR", "Rue 1", "75001", "Paris")


def test_every_change_is_a_new_version_and_old_ones_stay(books: Connection) -> None:
    assert save(books, "provider", GERMAN_PROVIDER, AT) == 1
    assert save(books, "provider", GERMAN_PROVIDER, AT + 1) == 1
    assert save(books, "provider", replace(GERMAN_PROVIDER, city="Potsdam"), AT + 2) == 2
    assert save(books, "buyer", CONSUMER, AT) == 1
    newest = latest(books, ["provider", "buyer", "nobody"])
    assert {owner: identity.version for owner, identity in newest.items()} == {"provider": 2, "buyer": 1}
    assert newest["provider"].form.city == "Potsdam"
    with pytest.raises(DBAPIError, match="immutable"):
        books.execute(legal_identity.update().values(city="Elsewhere"))


@pytest.mark.parametrize(
    ("country", "given", "kept"),
    [
        ("DE", "DE 136 695 976", "DE136695976"),
        ("DE", "136695976", "DE136695976"),
        ("GR", "094259216", "EL094259216"),
        ("AT", "ATU13585627", "ATU13585627"),
        ("CH", "CHE-107.787.577 MWST", "CHE107787577MWST"),
        ("US", "12-3456789", "12-3456789"),
    ],
)
def test_tax_numbers_are_kept_in_their_normal_form(books: Connection, country: str, given: str, kept: str) -> None:
    save(books, "buyer", replace(CONSUMER, country=country, tax_number=given), AT)
    assert latest(books, ["buyer"])["buyer"].form.tax_number == kept


@pytest.mark.parametrize(
    ("form", "code"),
    [
        (replace(GERMAN_PROVIDER, tax_number="DE136695977"), "tax_number_invalid"),
        (replace(GERMAN_PROVIDER, tax_number="ATU13585627"), "tax_number_invalid"),
        (replace(AUSTRIAN_BUYER, tax_number="U1"), "tax_number_invalid"),
        (replace(CONSUMER, country="CH", tax_number="CHE107787578MWST"), "tax_number_invalid"),
        (replace(GERMAN_PROVIDER, iban="DE89370400440532013001"), "iban_invalid"),
        (replace(GERMAN_PROVIDER, iban="DE89\x00"), "iban_invalid"),
        (replace(GERMAN_PROVIDER, country="XX"), "invalid_field"),
        (replace(GERMAN_PROVIDER, country="de"), "invalid_field"),
        (replace(GERMAN_PROVIDER, company=" "), "invalid_field"),
        (replace(GERMAN_PROVIDER, street="one\ntwo"), "invalid_field"),
        (replace(GERMAN_PROVIDER, city="x" * 201), "invalid_field"),
    ],
)
def test_what_is_not_valid_is_refused_by_name(books: Connection, form: Form, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        save(books, "provider", form, AT)
    assert caught.value.code == code
    assert latest(books, ["provider"]) == {}


def test_an_iban_is_kept_without_spaces(books: Connection) -> None:
    save(books, "provider", replace(GERMAN_PROVIDER, iban="DE89 3704 0044 0532 0130 00"), AT)
    assert latest(books, ["provider"])["provider"].form.iban == "DE89370400440532013000"
