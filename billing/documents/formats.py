"""Every form in which a document is written out, by media type. The renderers give the same bytes every time."""

from __future__ import annotations

from collections.abc import Callable

from billing.documents.archive import Document
from billing.documents.as_cii import render_cii
from billing.documents.as_csv import render_csv
from billing.documents.as_json import render_json
from billing.documents.as_pdf import render_pdf
from billing.documents.as_ubl import render_ubl

JSON = "application/json"
FORMATS: dict[str, Callable[[Document], bytes]] = {
    JSON: render_json,
    "text/csv": render_csv,
    "application/pdf": render_pdf,
    "application/ubl+xml": render_ubl,
    "application/cii+xml": render_cii,
}
"""The two XML raise Refused (`not_an_e_invoice`) for what EN 16931 has no form for."""
