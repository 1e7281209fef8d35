"""A document as UBL 2.1, in the form of EN 16931: an Invoice, or a CreditNote for what takes one back.

The order of elements is the schema's. The same document gives the same bytes.
"""

from __future__ import annotations

from typing import Any

from lxml import etree
from lxml.builder import ElementMaker

from billing.documents.archive import Document
from billing.documents.content import CREDITS
from billing.documents.en16931 import (
    FEE_REASON,
    SPECIFICATION,
    Breakdown,
    EInvoice,
    InvoiceLine,
    Trader,
    e_invoice,
)

_CAC = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
_CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
_MAIN = "urn:oasis:names:specification:ubl:schema:xsd:{}-2"

cac = ElementMaker(namespace=_CAC)
cbc = ElementMaker(namespace=_CBC)


def render_ubl(document: Document) -> bytes:
    """UTF-8 with a declaration. Raises Refused (`not_an_e_invoice`)."""
    kind = "CreditNote" if document.kind in CREDITS else "Invoice"
    root = ElementMaker(namespace=_MAIN.format(kind), nsmap={None: _MAIN.format(kind), "cac": _CAC, "cbc": _CBC})
    invoice = e_invoice(document)
    tree = root(kind, *_head(kind, invoice), *_parties(invoice), *_sums(invoice))
    tree.extend(_line(kind, invoice, line) for line in invoice.lines)
    return bytes(etree.tostring(tree, encoding="UTF-8", xml_declaration=True, pretty_print=True))


def _head(kind: str, invoice: EInvoice) -> list[Any]:
    head = [
        cbc.CustomizationID(SPECIFICATION),
        cbc.ID(invoice.number),
        cbc.IssueDate(invoice.issued_on),
        cbc(f"{kind}TypeCode", invoice.type_code),
        *(cbc.Note(note) for note in invoice.notes),
        cbc.DocumentCurrencyCode(invoice.currency),
        cbc.BuyerReference(invoice.buyer.id),
        _period(invoice),
    ]
    if invoice.corrects is not None:
        reference = cac.InvoiceDocumentReference(
            cbc.ID(invoice.corrects.number), cbc.IssueDate(invoice.corrects.issued_on)
        )
        head.append(cac.BillingReference(reference))
    return head


def _parties(invoice: EInvoice) -> list[Any]:
    parts = [
        cac.AccountingSupplierParty(_party(invoice.seller, _seller_tax(invoice.seller), None)),
        cac.AccountingCustomerParty(
            _party(invoice.buyer, _vat_scheme(invoice.buyer.vat_number), invoice.buyer.other_number)
        ),
        cac.Delivery(cbc.ActualDeliveryDate(invoice.period_end)),
    ]
    if invoice.payment_means is not None:
        means = cac.PaymentMeans(cbc.PaymentMeansCode(invoice.payment_means), cbc.PaymentID(invoice.number))
        if invoice.payee_iban is not None:
            means.append(cac.PayeeFinancialAccount(cbc.ID(invoice.payee_iban)))
        parts.append(means)
    parts.append(cac.PaymentTerms(cbc.Note(invoice.payment_terms)))
    return parts


def _party(trader: Trader, tax_schemes: list[Any], registration: str | None) -> Any:
    address = cac.PostalAddress()
    for name, value in (("StreetName", trader.street), ("CityName", trader.city), ("PostalZone", trader.postcode)):
        if value is not None:
            address.append(cbc(name, value))
    address.append(cac.Country(cbc.IdentificationCode(trader.country)))
    legal = cac.PartyLegalEntity(cbc.RegistrationName(trader.name))
    if registration is not None:
        legal.append(cbc.CompanyID(registration))
    return cac.Party(cac.PartyIdentification(cbc.ID(trader.id)), address, *tax_schemes, legal)


def _seller_tax(seller: Trader) -> list[Any]:
    """BT-31, or BT-32, which is told from it by its scheme."""
    if seller.other_number is None:
        return _vat_scheme(seller.vat_number)
    return [cac.PartyTaxScheme(cbc.CompanyID(seller.other_number), cac.TaxScheme(cbc.ID("LOC")))]


def _vat_scheme(number: str | None) -> list[Any]:
    return [] if number is None else [cac.PartyTaxScheme(cbc.CompanyID(number), _vat())]


def _sums(invoice: EInvoice) -> list[Any]:
    currency = invoice.currency
    return [
        cac.TaxTotal(_amount("TaxAmount", invoice.vat, currency), *(_subtotal(tax, currency) for tax in invoice.taxes)),
        cac.LegalMonetaryTotal(
            _amount("LineExtensionAmount", invoice.net, currency),
            _amount("TaxExclusiveAmount", invoice.net, currency),
            _amount("TaxInclusiveAmount", invoice.total, currency),
            _amount("PrepaidAmount", invoice.prepaid, currency),
            _amount("PayableAmount", invoice.due, currency),
        ),
    ]


def _subtotal(tax: Breakdown, currency: str) -> Any:
    category = _category("TaxCategory", tax.category, tax.rate)
    scheme = category[-1]
    if tax.exemption_code is not None:
        scheme.addprevious(cbc.TaxExemptionReasonCode(tax.exemption_code))
    if tax.exemption_text is not None:
        scheme.addprevious(cbc.TaxExemptionReason(tax.exemption_text))
    return cac.TaxSubtotal(
        _amount("TaxableAmount", tax.base, currency), _amount("TaxAmount", tax.amount, currency), category
    )


def _line(kind: str, invoice: EInvoice, line: InvoiceLine) -> Any:
    currency = invoice.currency
    quantity = "CreditedQuantity" if kind == "CreditNote" else "InvoicedQuantity"
    element = cac(
        f"{kind}Line",
        cbc.ID(line.id),
        cbc(quantity, line.quantity, unitCode=line.unit),
        _amount("LineExtensionAmount", line.net, currency),
        _period(invoice),
    )
    if line.fee is not None:
        element.append(
            cac.AllowanceCharge(
                cbc.ChargeIndicator("false"),
                cbc.AllowanceChargeReason(FEE_REASON),
                _amount("Amount", line.fee, currency),
            )
        )
    element.append(
        cac.Item(
            cbc.Name(line.name),
            cac.SellersItemIdentification(cbc.ID(line.instrument)),
            _category("ClassifiedTaxCategory", line.category, line.rate),
        )
    )
    element.append(cac.Price(_amount("PriceAmount", line.price, currency)))
    return element


def _category(name: str, category: str, rate: str | None) -> Any:
    element = cac(name, cbc.ID(category))
    if rate is not None:
        element.append(cbc.Percent(rate))
    element.append(_vat())
    return element


def _vat() -> Any:
    return cac.TaxScheme(cbc.ID("VAT"))


def _period(invoice: EInvoice) -> Any:
    return cac.InvoicePeriod(cbc.StartDate(invoice.period_start), cbc.EndDate(invoice.period_end))


def _amount(name: str, value: str, currency: str) -> Any:
    return cbc(name, value, currencyID=currency)
