"""A PDF/A-3 that carries a CII, declared as Factur-X: the properties that readers look for in the file's metadata.

Source: Factur-X 1.0, "PDF/A-3 metadata"; a PDF/A may name no property that its extension schemas do not describe.
"""

from __future__ import annotations

import io

from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, NameObject, StreamObject

_NAMESPACE = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
_PROPERTIES = {
    "DocumentType": ("INVOICE", "The type of the hybrid document"),
    "DocumentFileName": ("factur-x.xml", "The name of the embedded XML document"),
    "Version": ("1.0", "The version of the standard of the embedded XML document"),
    "ConformanceLevel": ("EN 16931", "The conformance level of the embedded XML document"),
}
_SCHEMAS_END = b"</rdf:Bag></pdfaExtension:schemas>"
_DESCRIPTION_END = b"</rdf:Description></rdf:RDF>"


def declare_factur_x(pdf: bytes) -> bytes:
    """The same PDF with the Factur-X properties. Raises AssertionError unless its metadata is as Typst writes it."""
    writer = PdfWriter(clone_from=io.BytesIO(pdf))
    writer.pdf_header = "%PDF-1.7"
    old = writer.root_object["/Metadata"].get_object()
    assert isinstance(old, StreamObject)
    metadata = DecodedStreamObject()
    metadata[NameObject("/Type")] = NameObject("/Metadata")
    metadata[NameObject("/Subtype")] = NameObject("/XML")
    metadata.set_data(_with_properties(old.get_data()))
    writer.root_object[NameObject("/Metadata")] = writer._add_object(metadata)
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def _with_properties(metadata: bytes) -> bytes:
    assert metadata.count(_SCHEMAS_END) == metadata.count(_DESCRIPTION_END) == 1, "unknown layout of the metadata"
    described = "".join(
        f'<rdf:li rdf:parseType="Resource"><pdfaProperty:name>{name}</pdfaProperty:name>'
        "<pdfaProperty:valueType>Text</pdfaProperty:valueType><pdfaProperty:category>external</pdfaProperty:category>"
        f"<pdfaProperty:description>{description}</pdfaProperty:description></rdf:li>"
        for name, (_, description) in _PROPERTIES.items()
    )
    schema = (
        '<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>'
        f"<pdfaSchema:namespaceURI>{_NAMESPACE}</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>"
        f"<pdfaSchema:property><rdf:Seq>{described}</rdf:Seq></pdfaSchema:property></rdf:li>"
    )
    values = "".join(f"<fx:{name}>{value}</fx:{name}>" for name, (value, _) in _PROPERTIES.items())
    own = f'</rdf:Description><rdf:Description rdf:about="" xmlns:fx="{_NAMESPACE}">{values}'
    metadata = metadata.replace(_SCHEMAS_END, schema.encode() + _SCHEMAS_END)
    return metadata.replace(_DESCRIPTION_END, own.encode() + _DESCRIPTION_END)
