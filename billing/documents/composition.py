"""From charges to a document's content: lines, rounding and tax. Pure.

Lines are rounded half up to cents, totals add the rounded lines, and VAT is computed per category on the summed base.
Sources: the design's ledger, "Documents"; EN 16931, BR-CO-10 and BR-CO-17.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from operator import attrgetter

from billing.documents.content import Charge, Content, Line, Party, Reference, Tax
from common.money import MICROS_PER_CENT, PPM, cents_half_up

EXEMPTIONS = {"AE": "VATEX-EU-AE", "O": "VATEX-EU-O"}
"""Why a category has no tax: reverse charge, and not subject to VAT."""

_ORDER = attrgetter("line_key", "contract_id", "day")


def compose(seller: Party, buyer: Party, charges: Iterable[Charge], corrects: Reference | None = None) -> Content:
    """The content that these charges make, the same whatever their order."""
    appendix = tuple(sorted(charges, key=_ORDER))
    lines = _lines(appendix)
    return Content(seller, buyer, lines, _taxes(lines), appendix, corrects)


def rounding_micros(content: Content) -> int:
    """What the ledger moved less what the document's cents add up to: documents + rounding = captured."""
    return content.captured_micros - (content.net_cents + content.vat_cents) * MICROS_PER_CENT


def _lines(appendix: Sequence[Charge]) -> tuple[Line, ...]:
    groups: dict[tuple[str, int, str, int, str], list[Charge]] = defaultdict(list)
    for charge in appendix:
        groups[charge.line_key].append(charge)
    return tuple(_line(number, group) for number, group in enumerate(groups.values(), start=1))


def _line(number: int, group: Sequence[Charge]) -> Line:
    first = group[0]
    net_micros = sum(charge.net_micros for charge in group)
    return Line(
        number=number,
        instrument=first.instrument,
        price_micros=first.price_micros,
        vat_category=first.vat_category,
        vat_ppm=first.vat_ppm,
        slice_minutes=sum(charge.slice_minutes for charge in group),
        gross_micros=sum(charge.gross_micros for charge in group),
        fee_micros=sum(charge.fee_micros for charge in group),
        net_micros=net_micros,
        net_cents=cents_half_up(net_micros),
        item=first.item,
        kind=first.kind,
    )


def _taxes(lines: Sequence[Line]) -> tuple[Tax, ...]:
    bases: dict[tuple[str, int], int] = defaultdict(int)
    for line in lines:
        bases[line.vat_category, line.vat_ppm] += line.net_cents
    return tuple(
        Tax(category, ppm, base, _vat_cents(base, ppm), EXEMPTIONS.get(category))
        for (category, ppm), base in sorted(bases.items())
    )


def _vat_cents(base_cents: int, vat_ppm: int) -> int:
    return (base_cents * vat_ppm + PPM // 2) // PPM
