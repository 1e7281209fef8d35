"""Documents: invoices to buyers, self-billed invoices to providers, from frozen figures to numbered, immutable papers.

`issue` makes them at a period's close from what `charges` reads and `composition` computes; `numbering` draws their
numbers; `archive` finds them again, and `as_*` write them out: JSON, CSV, PDF, and the XML of EN 16931 as
UBL and CII.
"""

from billing.documents.archive import Document, get_document, list_documents
from billing.documents.as_cii import render_cii
from billing.documents.as_csv import render_csv
from billing.documents.as_json import render_json
from billing.documents.as_pdf import render_pdf
from billing.documents.as_ubl import render_ubl

__all__ = [
    "Document",
    "get_document",
    "list_documents",
    "render_cii",
    "render_csv",
    "render_json",
    "render_pdf",
    "render_ubl",
]
