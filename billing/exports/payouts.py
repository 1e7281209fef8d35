"""Payouts to providers as a SEPA credit transfer, ISO 20022 pain.001.001.09, for the market's bank.

The file follows from the payouts alone: its ids are theirs and its time is given, so that the bank sees a file that is
sent twice as the same.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import schwifty
from anyascii import anyascii
from lxml import etree
from lxml.builder import ElementMaker

from billing.documents.printing import cents, issued_at
from common.errors import Refused

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
CURRENCY = "EUR"
_LONGEST_NAME = 70
_NOT_SEPA = re.compile(r"[^A-Za-z0-9/?:().,'+ -]")
"""Outside the character set that every bank takes (EPC217-08)."""

pain = ElementMaker(namespace=NAMESPACE, nsmap={None: NAMESPACE})


@dataclass(frozen=True, slots=True)
class Payer:
    """The market, as its bank knows it."""

    name: str
    iban: str


@dataclass(frozen=True, slots=True)
class Payout:
    """Whole cents to a provider. `id` is the end-to-end id, at most 35 characters; `reference` is what the provider
    reads."""

    id: str
    name: str
    iban: str
    amount_cents: int
    reference: str


def render_payouts(payer: Payer, payouts: Sequence[Payout], currency: str, at_micros: int) -> bytes:
    """One batch, to be executed on the day of `at_micros`.

    Raises Refused (`not_a_sepa_payment`): SEPA knows euros only, and a file without payments is none.
    """
    if currency != CURRENCY or not payouts:
        raise Refused("not_a_sepa_payment", "a SEPA file needs payouts, in EUR", limit=CURRENCY)
    created = issued_at(at_micros)
    count, total = str(len(payouts)), cents(sum(payout.amount_cents for payout in payouts))
    batch = _batch_id(payouts)
    tree = pain.Document(
        pain.CstmrCdtTrfInitn(
            pain.GrpHdr(
                pain.MsgId(batch),
                pain.CreDtTm(created),
                pain.NbOfTxs(count),
                pain.CtrlSum(total),
                pain.InitgPty(pain.Nm(_sepa(payer.name))),
            ),
            pain.PmtInf(
                pain.PmtInfId(batch),
                pain.PmtMtd("TRF"),
                pain.BtchBookg("true"),
                pain.NbOfTxs(count),
                pain.CtrlSum(total),
                pain.PmtTpInf(pain.SvcLvl(pain.Cd("SEPA"))),
                pain.ReqdExctnDt(pain.Dt(created[:10])),
                pain.Dbtr(pain.Nm(_sepa(payer.name))),
                _account("DbtrAcct", payer.iban),
                _agent("DbtrAgt", payer.iban),
                pain.ChrgBr("SLEV"),
                *(_payment(payout) for payout in payouts),
            ),
        )
    )
    return bytes(etree.tostring(tree, encoding="UTF-8", xml_declaration=True, pretty_print=True))


def _payment(payout: Payout) -> Any:
    return pain.CdtTrfTxInf(
        pain.PmtId(pain.EndToEndId(payout.id)),
        pain.Amt(pain.InstdAmt(cents(payout.amount_cents), Ccy=CURRENCY)),
        _agent("CdtrAgt", payout.iban),
        pain.Cdtr(pain.Nm(_sepa(payout.name))),
        _account("CdtrAcct", payout.iban),
        pain.RmtInf(pain.Ustrd(_NOT_SEPA.sub(".", anyascii(payout.reference))[:140])),
    )


def _account(role: str, iban: str) -> Any:
    return pain(role, pain.Id(pain.IBAN(iban)))


def _agent(role: str, iban: str) -> Any:
    """The bank, where its BIC follows from the IBAN; else SEPA wants it said that it is not provided."""
    bic = schwifty.IBAN(iban).bic
    known = pain.BICFI(bic.compact) if bic is not None else pain.Othr(pain.Id("NOTPROVIDED"))
    return pain(role, pain.FinInstnId(known))


def _batch_id(payouts: Sequence[Payout]) -> str:
    return hashlib.sha256("\x1f".join(payout.id for payout in payouts).encode()).hexdigest()[:32]


def _sepa(name: str) -> str:
    return _NOT_SEPA.sub(".", anyascii(name))[:_LONGEST_NAME]
