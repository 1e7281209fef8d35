"""Documents as PDF: readable, one page and its usage, PDF/A-3 with the CII inside, the same bytes every time.

What is checked of PDF/A here is what Typst checks while it writes, and what is looked up below. veraPDF, the reference
checker, is a Java program that no package index serves.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from dataclasses import replace
from typing import Any

import facturx
import pytest
from lxml import etree
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DictionaryObject, IndirectObject, TextStringObject

from billing.documents.as_cii import render_cii
from billing.documents.as_pdf import USAGE_ROWS, _printable, render_pdf
from billing.documents.content import INVOICE, SELF_BILLED_INVOICE
from tests.billing.einvoice_rules import broken_rules
from tests.billing.papers import BUYER, GREEK, SMALL_PROVIDER, busy_month, charge, paper

PAPERS = busy_month()
A4 = (595, 842)
_PRINT = """
import hashlib
from billing.documents.as_pdf import render_pdf
from tests.billing.papers import busy_month
print(hashlib.sha256(render_pdf(busy_month()["self_billed"])).hexdigest())
"""


def opened(pdf: bytes) -> Any:
    return PdfReader(io.BytesIO(pdf))


def text_of(pdf: bytes, page: int = 0) -> str:
    return " ".join(opened(pdf).pages[page].extract_text().split())


@pytest.mark.parametrize("name", PAPERS)
def test_factur_x_is_read_back_and_keeps_the_rules(name: str) -> None:
    pdf = render_pdf(PAPERS[name])
    found, xml = facturx.get_facturx_xml_from_pdf(pdf, check_xsd=True, check_schematron=False)
    assert found == "factur-x.xml"
    assert xml == render_cii(PAPERS[name])
    assert facturx.get_level(etree.fromstring(xml)) == "en16931"
    assert broken_rules(xml) == []


def test_an_attachment_of_another_name_is_found_missing() -> None:
    writer: Any = PdfWriter(clone_from=io.BytesIO(render_pdf(PAPERS["normal"])))
    writer.root_object["/Names"]["/EmbeddedFiles"]["/Names"][0] = TextStringObject("invoice.xml")
    broken = io.BytesIO()
    writer.write(broken)
    assert facturx.get_facturx_xml_from_pdf(broken.getvalue(), check_schematron=False) == (False, False)


def test_one_broken_value_of_the_xml_inside_is_found() -> None:
    for right, wrong in ((b">380<", b">999<"), (b"GrandTotalAmount>4.33<", b"GrandTotalAmount>4.34<")):
        writer: Any = PdfWriter(clone_from=io.BytesIO(render_pdf(PAPERS["normal"])))
        [attached] = writer.root_object["/AF"]
        inside = attached.get_object()["/EF"]["/F"].get_object()
        assert right in inside.get_data()
        inside.set_data(inside.get_data().replace(right, wrong))
        broken = io.BytesIO()
        writer.write(broken)
        _, found = facturx.get_facturx_xml_from_pdf(broken.getvalue(), check_xsd=True, check_schematron=False)
        assert broken_rules(found) != []


def test_the_file_says_that_it_is_pdf_a_3_and_factur_x() -> None:
    reader = opened(render_pdf(PAPERS["normal"]))
    metadata = reader.root_object["/Metadata"].get_data()
    etree.fromstring(metadata)
    for said in (
        b"<pdfaid:part>3<",
        b"<pdfaid:conformance>B<",
        b"<fx:DocumentType>INVOICE<",
        b"<fx:ConformanceLevel>EN 16931<",
        b"<fx:DocumentFileName>factur-x.xml<",
        b"<pdfaSchema:prefix>fx<",
    ):
        assert metadata.count(said) == 1
    assert metadata.count(b"<pdfaExtension:schemas>") == 1
    [attached] = reader.root_object["/AF"]
    assert attached.get_object()["/AFRelationship"] == "/Alternative"


def test_colours_are_described_fonts_embedded_and_the_file_named() -> None:
    reader = opened(render_pdf(PAPERS["greek"]))
    [intent] = reader.root_object["/OutputIntents"]
    assert intent.get_object()["/S"] == "/GTS_PDFA1"
    assert intent.get_object()["/DestOutputProfile"].get_object().get_data()
    assert len(reader.trailer["/ID"]) == 2
    assert "/Encrypt" not in reader.trailer
    descriptors = [one for one in _objects(reader) if one.get("/Type") == "/FontDescriptor"]
    assert len(descriptors) == 2
    assert all({"/FontFile2", "/FontFile3"} & one.keys() for one in descriptors)


def test_a_normal_invoice_is_one_page_of_a4_and_its_usage_follows() -> None:
    reader = opened(render_pdf(PAPERS["normal"]))
    assert len(reader.pages) == 3
    assert {tuple(round(size) for size in page.mediabox[2:]) for page in reader.pages} == {A4}
    first, second = (page.extract_text() for page in reader.pages[:2])
    for said in ("Invoice INV-2026-000001", "Nestex Börse GmbH", "DE136695976", "Übermorgen GmbH", "2026-11-01"):
        assert said in first
    for amount in ("Net 3.64", "VAT 19 % on 3.64 0.69", "Total EUR 4.33", "Due EUR 0.00"):
        assert amount in " ".join(first.split())
    assert "Usage" not in first
    assert second.startswith("Usage")
    assert "con14" in second


def test_a_self_billed_invoice_says_so_and_where_the_money_goes() -> None:
    first = text_of(render_pdf(PAPERS["self_billed"]))
    for said in ("Self-billed invoice", "Self-billing: issued by the buyer", "DE89 3704 0044 0532 0130 00", "-0.12"):
        assert said in first
    assert "IBAN" not in text_of(render_pdf(PAPERS["without_iban"]))


def test_reverse_charge_and_corrections_are_said_in_words() -> None:
    assert "Reverse charge (VATEX-EU-AE)" in text_of(render_pdf(PAPERS["reverse_charge"]))
    assert "INV-2026-000001" in text_of(render_pdf(PAPERS["credit_note"]))


def test_large_amounts_are_grouped() -> None:
    document = paper(INVOICE, BUYER, [charge(1, slice_minutes=10**9, vat_ppm=0, vat_category="AE")])
    assert "4,167,000.00" in text_of(render_pdf(document))


def test_a_long_appendix_is_cut_and_says_so() -> None:
    document = paper(INVOICE, BUYER, [charge(number) for number in range(USAGE_ROWS + 3)])
    assert "3 more rows are in the document's JSON." in text_of(render_pdf(document), page=1)


def test_lines_and_usage_tell_release_fees_and_storage_apart() -> None:
    charges = [charge(1), charge(1, item="release"), charge(2, kind="volume", instrument="fra1.block.firm")]
    pdf = render_pdf(
        paper(INVOICE, BUYER, [replace(one, vat_category="AE", vat_ppm=0, vat_micros=0) for one in charges])
    )
    for page in (0, 1):
        said = text_of(pdf, page)
        assert said.count("fra1.std.firm") == 2
        assert said.count("fra1.std.firm, release fee") == said.count("fra1.block.firm, storage") == 1


def test_names_are_printed_with_the_vendored_fonts_and_nothing_is_run() -> None:
    assert (GREEK.company or "") in text_of(render_pdf(PAPERS["greek"]))
    assert (SMALL_PROVIDER.company or "") in text_of(render_pdf(PAPERS["without_vat_number"]))
    hostile = replace(BUYER, company="#panic() *x* $1$ <a> \\ 漢字")
    pdf = render_pdf(paper(INVOICE, hostile, [charge(1, vat_category="AE", vat_ppm=0)]))
    assert "#panic() *x* $1$ <a> \\ ??" in text_of(pdf)


def test_every_character_that_is_let_through_has_a_glyph() -> None:
    every = "".join(chr(code) for code in range(0x20, 0xFFFF) if chr(code).isprintable())
    kept = "".join(one for one in every if _printable(one) == one)
    assert len(kept) > 1_500
    for start in range(0, len(kept), 200):
        named = replace(BUYER, company=kept[start : start + 200])
        assert render_pdf(paper(INVOICE, named, [charge(1, vat_category="AE", vat_ppm=0)]))


def test_without_a_form_of_the_standard_the_pdf_carries_no_xml() -> None:
    mixed = paper(SELF_BILLED_INVOICE, BUYER, [charge(1), charge(2, vat_category="O", vat_ppm=0)])
    reader = opened(render_pdf(mixed))
    assert "/AF" not in reader.root_object
    assert b"<pdfaid:part>3<" in reader.root_object["/Metadata"].get_data()


def test_another_process_prints_the_same_bytes() -> None:
    other = subprocess.run([sys.executable, "-c", _PRINT], capture_output=True, check=True, text=True)
    assert other.stdout.strip() == hashlib.sha256(render_pdf(PAPERS["self_billed"])).hexdigest()


def _objects(reader: Any) -> list[DictionaryObject]:
    numbers = range(1, reader.trailer["/Size"])
    found = [IndirectObject(number, 0, reader).get_object() for number in numbers]
    return [one for one in found if isinstance(one, DictionaryObject)]
