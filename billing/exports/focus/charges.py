"""Charges as rows of FOCUS, whatever the version. Pure.

A charge is a contract's UTC day. It makes a row for its usage and, where there is tax, one for its tax, to the
micro-unit: together they are what the ledger captured. A line of a document, or its tax, is rounded to cents: the
difference is a row of its own, with no quantity, so that the rows of an invoice detail add up to it to the cent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from billing.daily import USAGE as METERED
from billing.documents.content import CREDITS, Charge, Line, Tax
from billing.documents.printing import micros, percent
from billing.exports.focus.services import SERVICES, Service
from common.minutes import minute_text, month_window
from common.money import MICROS_PER_CENT

USAGE = "Usage"
TAX = "Tax"
UNIT = "Slice-Minutes"
FEE_UNIT = "Fees"
ROUNDING = "Rounding to cents"


@dataclass(frozen=True, slots=True)
class Account:
    """Who pays whom for what follows, in which month and, once it is invoiced, by which document.

    What the market buys is billed to the market by the provider, in whose name a self-billed invoice is issued; the
    provider is also the sub-account, so that the market's costs can be told apart by it.
    """

    kind: str
    billing_account_id: str
    billing_account_name: str
    service_provider: str
    host_provider: str
    sub_account_id: str
    sub_account_name: str
    sub_account_type: str
    currency: str
    period_start: str
    period_end: str
    invoice_id: str

    @property
    def sign(self) -> int:
        """Credit notes take back."""
        return -1 if self.kind in CREDITS else 1


@dataclass(frozen=True, slots=True)
class CostRow:
    """A row of Cost and Usage; every figure is text, empty where there is none."""

    account: Account
    category: str
    charge_class: str
    description: str
    start: str
    end: str
    billed: str
    listed: str
    quantity: str
    unit: str
    unit_price: str
    consumed: str
    consumed_unit: str
    pricing_category: str
    sku: str
    sku_price: str
    sku_meter: str
    resource: str
    resource_type: str
    zone: str
    detail_id: str
    service: Service
    tags: str = "{}"


def month_bounds(month: str) -> tuple[str, str]:
    """The first instant of the month and of the next, RFC 3339."""
    window = month_window(month)
    return minute_text(window.start), minute_text(window.end)


def line_detail(invoice_id: str, line_number: int) -> str:
    """The id of the invoice detail that a line of the document is."""
    return f"{invoice_id}/{line_number}"


def tax_detail(invoice_id: str, category: str, ppm: int) -> str:
    """The id of the invoice detail that the tax of one category and rate is."""
    return f"{invoice_id}/VAT-{category}-{percent(ppm)}"


def billed_rows(
    account: Account, lines: Sequence[Line], taxes: Iterable[Tax], charges: Iterable[Charge]
) -> Iterator[CostRow]:
    """The rows of a document: its charges, each on the line that it was summed into, then what was rounded."""
    numbers = {line.line_key: line.number for line in lines}
    tax_micros: dict[tuple[str, int], int] = defaultdict(int)
    for charge in charges:
        key = charge.vat_category, charge.vat_ppm
        tax_micros[key] += charge.vat_micros
        yield usage_row(account, charge, line_detail(account.invoice_id, numbers[charge.line_key]))
        if charge.vat_micros:
            yield tax_row(account, charge, tax_detail(account.invoice_id, *key))
    for line in lines:
        if off := line.net_cents * MICROS_PER_CENT - line.net_micros:
            yield _rounded_line(account, line, off)
    for tax in taxes:
        if off := tax.vat_cents * MICROS_PER_CENT - tax_micros[tax.vat_category, tax.vat_ppm]:
            detail = tax_detail(account.invoice_id, tax.vat_category, tax.vat_ppm)
            period = account.period_start, account.period_end
            yield _tax(account, ROUNDING, period, off, "", detail, _taxed_service(lines, tax))


def unbilled_rows(account: Account, charges: Iterable[Charge]) -> Iterator[CostRow]:
    """The rows of charges that no document has yet."""
    for charge in charges:
        yield usage_row(account, charge, "")
        if charge.vat_micros:
            yield tax_row(account, charge, "")


def usage_row(account: Account, charge: Charge, detail_id: str) -> CostRow:
    """Billed is less the market's fee, which providers pay; listed is at the price of the trade."""
    service = SERVICES[charge.kind]
    used = charge.item == METERED  # a release fee is one thing, at the price of the whole fee
    quantity = f"{account.sign * (charge.slice_minutes if used else 1)}.0"
    unit, price = (UNIT, micros(charge.price_micros)) if used else (FEE_UNIT, micros(charge.gross_micros))
    priced = charge.instrument if used else f"{charge.instrument}/{charge.item}"
    return CostRow(
        account=account,
        category=USAGE,
        charge_class="Correction" if account.sign < 0 else "",
        description=f"{service.slices if used else 'Release'} of {charge.instrument}, contract {charge.contract_id}",
        start=f"{charge.day}T00:00:00Z",
        end=f"{_next_day(charge.day)}T00:00:00Z",
        billed=micros(account.sign * charge.net_micros),
        listed=micros(account.sign * charge.gross_micros),
        quantity=quantity,
        unit=unit,
        unit_price=price,
        consumed=quantity,
        consumed_unit=unit,
        pricing_category="Dynamic",
        sku=charge.instrument,
        sku_price=f"{priced}@{price}",
        sku_meter=unit,
        resource=charge.contract_id,
        resource_type=service.resource_type,
        zone=charge.instrument.partition(".")[0],
        detail_id=detail_id,
        service=service,
    )


def tax_row(account: Account, charge: Charge, detail_id: str) -> CostRow:
    """The tax of one charge."""
    description = f"VAT {charge.vat_category} {percent(charge.vat_ppm)} %, contract {charge.contract_id}"
    period = f"{charge.day}T00:00:00Z", f"{_next_day(charge.day)}T00:00:00Z"
    return _tax(account, description, period, charge.vat_micros, charge.contract_id, detail_id, SERVICES[charge.kind])


def _tax(
    account: Account,
    description: str,
    period: tuple[str, str],
    amount_micros: int,
    resource: str,
    detail_id: str,
    service: Service,
) -> CostRow:
    amount = micros(account.sign * amount_micros)
    return CostRow(
        account=account,
        category=TAX,
        charge_class="Correction" if account.sign < 0 else "",
        description=description,
        start=period[0],
        end=period[1],
        billed=amount,
        listed=amount,
        quantity="",
        unit="",
        unit_price="",
        consumed="",
        consumed_unit="",
        pricing_category="",
        sku="",
        sku_price="",
        sku_meter="",
        resource=resource,
        resource_type=service.resource_type if resource else "",
        zone="",
        detail_id=detail_id,
        service=service,
    )


def _taxed_service(lines: Sequence[Line], tax: Tax) -> Service:
    """That of the lines under this tax; where volumes are taxed together with guests, that of guests."""
    kinds = {line.kind for line in lines if (line.vat_category, line.vat_ppm) == (tax.vat_category, tax.vat_ppm)}
    return SERVICES[kinds.pop() if len(kinds) == 1 else "guest"]


def _rounded_line(account: Account, line: Line, off_micros: int) -> CostRow:
    return CostRow(
        account=account,
        category=USAGE,
        charge_class="Correction" if account.sign < 0 else "",
        description=ROUNDING,
        start=account.period_start,
        end=account.period_end,
        billed=micros(account.sign * off_micros),
        listed=micros(0),
        quantity="0.0",
        unit=UNIT,
        unit_price=micros(line.price_micros),
        consumed="0.0",
        consumed_unit=UNIT,
        pricing_category="Dynamic",
        sku=line.instrument,
        sku_price=f"{line.instrument}@{micros(line.price_micros)}",
        sku_meter=UNIT,
        resource="",
        resource_type="",
        zone=line.instrument.partition(".")[0],
        detail_id=line_detail(account.invoice_id, line.number),
        service=SERVICES[line.kind],
    )


def _next_day(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()
