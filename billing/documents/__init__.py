"""Documents: invoices to buyers, self-billed invoices to providers, from frozen figures to numbered, immutable papers.

`issue` makes them at a period's close from what `charges` reads and `composition` computes; `numbering` draws their
numbers; `corrections` makes credit notes; `archive` finds them again, and `formats` has every form in which they are
written out, by `as_*`: JSON, CSV, PDF, and the XML of EN 16931 as UBL and CII. Those that close a period do not load
what only renderers need.
"""

from billing.documents.archive import Document, DocumentHead, get_document, list_documents
from billing.documents.as_csv import render_csv
from billing.documents.as_json import render_json

__all__ = ["Document", "DocumentHead", "get_document", "list_documents", "render_csv", "render_json"]
