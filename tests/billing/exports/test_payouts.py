"""Payouts as pain.001.001.09: the schema holds, sums and ids are those of the payouts, one broken value is found."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lxml import etree
from sepaxml.validation import ValidationError, try_valid_xml
from sqlalchemy import Connection

from billing.documents.archive import list_documents
from billing.exports.paid_out import paid_out
from billing.exports.payouts import Payer, Payout, render_payouts
from billing.identities import save
from billing.payments import pay_out
from billing.transfers import MARKET
from common.errors import Refused
from tests.billing.busy_month import CLOSED_AT, close_busy_month
from tests.billing.factories import AT, MARKET_FORM

SCHEMA = "pain.001.001.09"
IBANS = ("DE89370400440532013000", "FR1420041010050500013M02606", "NO9386011117947")
PAYER = Payer("Nestex Börse GmbH", "DE75512108001245126199")
PAYOUTS = [
    Payout(f"pay_{number:026d}", name, IBANS[number % 3], 10 ** (number + 1) + 1, f"SBI-2026-{number:06d}")
    for number, name in enumerate(("Rechenhof AG", "Łukasz Ærø & Söhne", "Ωμέγα", "A" * 90))
]


def values(written: bytes, tag: str) -> list[str | None]:
    return [element.text for element in etree.fromstring(written).iter(f"{{*}}{tag}")]


def test_the_schema_holds_and_the_sums_are_right() -> None:
    written = render_payouts(PAYER, PAYOUTS, "EUR", CLOSED_AT)
    try_valid_xml(written, SCHEMA)
    assert values(written, "InstdAmt") == ["0.11", "1.01", "10.01", "100.01"]
    assert values(written, "CtrlSum") == ["111.14", "111.14"]
    assert values(written, "NbOfTxs") == ["4", "4"]
    assert values(written, "EndToEndId") == [payout.id for payout in PAYOUTS]
    assert values(written, "CreDtTm") == ["2026-11-01T00:05:01Z"]


def test_names_are_written_in_the_letters_that_every_bank_takes() -> None:
    written = render_payouts(PAYER, PAYOUTS, "EUR", CLOSED_AT)
    assert values(written, "Nm")[:2] == ["Nestex Borse GmbH"] * 2
    assert values(written, "Nm")[3:5] == ["Lukasz Aero . Sohne", "Omega"]
    assert written.isascii()


def test_the_same_payouts_are_the_same_file_and_others_have_another_id() -> None:
    written = render_payouts(PAYER, PAYOUTS, "EUR", CLOSED_AT)
    assert written == render_payouts(PAYER, PAYOUTS, "EUR", CLOSED_AT)
    assert values(written, "MsgId") != values(render_payouts(PAYER, PAYOUTS[:2], "EUR", CLOSED_AT), "MsgId")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [(b"<IBAN>DE75", b"<IBAN>75"), (b'Ccy="EUR"', b'Ccy="EURO"'), (b">0.11<", b">0.111111<"), (b">TRF<", b">TRX<")],
)
def test_one_broken_value_is_found(right: bytes, wrong: bytes) -> None:
    written = render_payouts(PAYER, PAYOUTS, "EUR", CLOSED_AT)
    assert right in written
    with pytest.raises(ValidationError):
        try_valid_xml(written.replace(right, wrong, 1), SCHEMA)


@pytest.mark.parametrize(("payouts", "currency"), [([], "EUR"), (PAYOUTS, "USD")])
def test_what_sepa_cannot_pay_is_refused(payouts: list[Payout], currency: str) -> None:
    with pytest.raises(Refused):
        render_payouts(PAYER, payouts, currency, CLOSED_AT)


def test_the_file_of_a_run_is_what_was_booked(books: Connection) -> None:
    close_busy_month(books)
    made = [*pay_out(books, "october", "", CLOSED_AT), *pay_out(books, "october", "provider", CLOSED_AT)]
    with pytest.raises(Refused):
        paid_out(books, "october")
    save(books, MARKET, replace(MARKET_FORM, iban=PAYER.iban), AT)
    payer, payouts, at_micros = paid_out(books, "october")
    assert (payer, at_micros) == (PAYER, CLOSED_AT)
    booked = {one.participant_id: one for one in made}
    assert sorted(payout.id for payout in payouts) == sorted(one.id for one in booked.values())
    for payout, participant in zip(sorted(payouts, key=lambda one: one.name), ("provider", "tinkerer"), strict=True):
        [document] = list_documents(books, participant, "", 10)
        payment = booked[participant]
        assert (payout.id, payout.amount_cents, payout.reference) == (payment.id, payment.amount_cents, document.number)
        assert abs(payout.amount_cents - document.total_cents) <= 1
    try_valid_xml(render_payouts(payer, payouts, "EUR", at_micros), SCHEMA)
    assert paid_out(books, "october")[1] == payouts
    assert paid_out(books, "november")[1] == []
