"""A document as UN/CEFACT Cross Industry Invoice, in the form of EN 16931: also what a Factur-X PDF carries inside.

The order of elements is the schema's. The same document gives the same bytes.
"""

from __future__ import annotations

from typing import Any

from lxml import etree
from lxml.builder import ElementMaker

from billing.documents.archive import Document
from billing.documents.en16931 import (
    FEE_REASON,
    SPECIFICATION,
    Breakdown,
    EInvoice,
    InvoiceLine,
    Trader,
    e_invoice,
)

_NAMESPACES = {
    "rsm": "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
    "qdt": "urn:un:unece:uncefact:data:standard:QualifiedDataType:100",
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
}
_DAY = "102"
"""UNTDID 2379: CCYYMMDD."""

rsm = ElementMaker(namespace=_NAMESPACES["rsm"], nsmap=_NAMESPACES)
ram = ElementMaker(namespace=_NAMESPACES["ram"], nsmap=_NAMESPACES)


def render_cii(document: Document) -> bytes:
    """UTF-8 with a declaration. Raises Refused (`not_an_e_invoice`)."""
    invoice = e_invoice(document)
    guideline = ram.GuidelineSpecifiedDocumentContextParameter(ram.ID(SPECIFICATION))
    tree = rsm.CrossIndustryInvoice(
        rsm.ExchangedDocumentContext(guideline),
        rsm.ExchangedDocument(
            ram.ID(invoice.number),
            ram.TypeCode(invoice.type_code),
            _date("IssueDateTime", "udt", invoice.issued_on),
            *(ram.IncludedNote(ram.Content(note)) for note in invoice.notes),
        ),
        rsm.SupplyChainTradeTransaction(
            *(_line(invoice, line) for line in invoice.lines),
            ram.ApplicableHeaderTradeAgreement(
                ram.BuyerReference(invoice.buyer.id),
                _trader("SellerTradeParty", invoice.seller, _seller_tax(invoice.seller), None),
                _trader("BuyerTradeParty", invoice.buyer, _vat(invoice.buyer), invoice.buyer.other_number),
            ),
            ram.ApplicableHeaderTradeDelivery(
                ram.ActualDeliverySupplyChainEvent(_date("OccurrenceDateTime", "udt", invoice.period_end))
            ),
            _settlement(invoice),
        ),
    )
    return bytes(etree.tostring(tree, encoding="UTF-8", xml_declaration=True, pretty_print=True))


def _line(invoice: EInvoice, line: InvoiceLine) -> Any:
    settlement = ram.SpecifiedLineTradeSettlement(
        _with_rate(ram.ApplicableTradeTax(ram.TypeCode("VAT"), ram.CategoryCode(line.category)), line.rate),
        _period(invoice),
    )
    if line.fee is not None:
        indicator = ram.ChargeIndicator(etree.Element(_name("udt", "Indicator")))
        indicator[0].text = "false"
        settlement.append(
            ram.SpecifiedTradeAllowanceCharge(indicator, ram.ActualAmount(line.fee), ram.Reason(FEE_REASON))
        )
    settlement.append(ram.SpecifiedTradeSettlementLineMonetarySummation(ram.LineTotalAmount(line.net)))
    return ram.IncludedSupplyChainTradeLineItem(
        ram.AssociatedDocumentLineDocument(ram.LineID(line.id)),
        ram.SpecifiedTradeProduct(ram.SellerAssignedID(line.instrument), ram.Name(line.name)),
        ram.SpecifiedLineTradeAgreement(ram.NetPriceProductTradePrice(ram.ChargeAmount(line.price))),
        ram.SpecifiedLineTradeDelivery(ram.BilledQuantity(line.quantity, unitCode=line.unit)),
        settlement,
    )


def _trader(role: str, trader: Trader, taxes: list[Any], registration: str | None) -> Any:
    element = ram(role, ram.ID(trader.id), ram.Name(trader.name))
    if registration is not None:
        element.append(ram.SpecifiedLegalOrganization(ram.ID(registration)))
    address = ram.PostalTradeAddress()
    for name, value in (("PostcodeCode", trader.postcode), ("LineOne", trader.street), ("CityName", trader.city)):
        if value is not None:
            address.append(ram(name, value))
    address.append(ram.CountryID(trader.country))
    element.append(address)
    element.extend(taxes)
    return element


def _seller_tax(seller: Trader) -> list[Any]:
    if seller.other_number is None:
        return _vat(seller)
    return [ram.SpecifiedTaxRegistration(ram.ID(seller.other_number, schemeID="FC"))]


def _vat(trader: Trader) -> list[Any]:
    if trader.vat_number is None:
        return []
    return [ram.SpecifiedTaxRegistration(ram.ID(trader.vat_number, schemeID="VA"))]


def _settlement(invoice: EInvoice) -> Any:
    settlement = ram.ApplicableHeaderTradeSettlement()
    if invoice.payment_means is not None:
        settlement.append(ram.PaymentReference(invoice.number))
    settlement.append(ram.InvoiceCurrencyCode(invoice.currency))
    if invoice.payment_means is not None:
        means = ram.SpecifiedTradeSettlementPaymentMeans(ram.TypeCode(invoice.payment_means))
        if invoice.payee_iban is not None:
            means.append(ram.PayeePartyCreditorFinancialAccount(ram.IBANID(invoice.payee_iban)))
        settlement.append(means)
    settlement.extend(_tax(tax) for tax in invoice.taxes)
    settlement.append(_period(invoice))
    settlement.append(ram.SpecifiedTradePaymentTerms(ram.Description(invoice.payment_terms)))
    settlement.append(
        ram.SpecifiedTradeSettlementHeaderMonetarySummation(
            ram.LineTotalAmount(invoice.net),
            ram.TaxBasisTotalAmount(invoice.net),
            ram.TaxTotalAmount(invoice.vat, currencyID=invoice.currency),
            ram.GrandTotalAmount(invoice.total),
            ram.TotalPrepaidAmount(invoice.prepaid),
            ram.DuePayableAmount(invoice.due),
        )
    )
    if invoice.corrects is not None:
        settlement.append(
            ram.InvoiceReferencedDocument(
                ram.IssuerAssignedID(invoice.corrects.number),
                _date("FormattedIssueDateTime", "qdt", invoice.corrects.issued_on),
            )
        )
    return settlement


def _tax(tax: Breakdown) -> Any:
    element = ram.ApplicableTradeTax(ram.CalculatedAmount(tax.amount), ram.TypeCode("VAT"))
    if tax.exemption_text is not None:
        element.append(ram.ExemptionReason(tax.exemption_text))
    element.append(ram.BasisAmount(tax.base))
    element.append(ram.CategoryCode(tax.category))
    if tax.exemption_code is not None:
        element.append(ram.ExemptionReasonCode(tax.exemption_code))
    return _with_rate(element, tax.rate)


def _with_rate(element: Any, rate: str | None) -> Any:
    if rate is not None:
        element.append(ram.RateApplicablePercent(rate))
    return element


def _period(invoice: EInvoice) -> Any:
    return ram.BillingSpecifiedPeriod(
        _date("StartDateTime", "udt", invoice.period_start), _date("EndDateTime", "udt", invoice.period_end)
    )


def _date(name: str, prefix: str, day: str) -> Any:
    element = ram(name)
    text = etree.SubElement(element, _name(prefix, "DateTimeString"), format=_DAY)
    text.text = day.replace("-", "")
    return element


def _name(prefix: str, tag: str) -> str:
    return f"{{{_NAMESPACES[prefix]}}}{tag}"
