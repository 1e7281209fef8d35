"""The whole path on real servers and separate processes, as a user runs it: one bid becomes a guest, a minute, an
invoice."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from focus_data_toolkit.validate.bundle import validate_dataset_bundle
from sepaxml.validation import try_valid_xml

from tests.billing.einvoice_rules import broken_rules
from tests.billing.exports.focus import focus_rules
from tests.billing.exports.journals.programs import beancount_complaint, hledger_complaint

_LONGEST_SECONDS = 240


def test_the_demo_goes_from_the_first_order_to_books_that_balance(tmp_path: Path) -> None:
    out, figures = tmp_path / "out", tmp_path / "figures.json"
    command = [sys.executable, "-m", "nestex", "demo", "--out", str(out), "--json", str(figures)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    result = json.loads(figures.read_text())
    contracts = sum(result["contracts"].values())
    assert result["orders"] >= 40
    assert result["trades"] >= 20
    assert contracts >= 20
    assert result["contracts"] == {"completed": contracts - 3, "released": 1, "reclaimed": 1, "failed": 1}
    assert result["guests_started"] == contracts - 1
    assert 0 < result["fee_micros"] < result["gross_micros"]
    assert (result["books_check"], result["audit"]) == ("ok", "ok")
    assert [fault["fault"] for fault in result["faults"]] == ["agent killed", "node shrunk", "engine killed"]
    guests = result["guests"]
    assert len({guest["contract"] for guest in guests}) == contracts
    assert {guest["node"] for guest in guests} == {"alster-1", "rhone-1", "rhone-2"}
    assert [guest["name"] for guest in guests if guest["ready_seconds"] is None] == ["premiere"]
    sold = result["reseller"]
    assert sold["contracts"] > contracts / 2
    assert 0 < sold["earned_micros"] < sold["cost_micros"]
    assert 125_000 < sold["utilisation_before_ppm"] < sold["utilisation_after_ppm"] < 1_000_000
    assert [(each["guest"], each["compensation_micros"] > 0) for each in result["reclaims"]] == [("scratch", True)]
    [resold] = result["resales"]
    assert (resold["guest"], resold["new_guest"]) == ("outlook", "dailies")
    [replaced] = result["replacements"]
    assert [guest["state"] for guest in guests if guest["contract"] == replaced["replaced_by"]] == ["completed"]
    kinds = [document["kind"] for document in result["documents"]]
    assert (kinds.count("invoice"), kinds.count("self_billed_invoice")) == (5, 3)
    for document in result["documents"]:
        whole = json.loads((out / "documents" / f"{document['number']}.json").read_text())
        assert whole["number"] == document["number"]
        with (out / "documents" / f"{document['number']}.csv").open(newline="") as rows:
            assert len(list(csv.reader(rows))) > 1
    formats_are_right(out, len(result["documents"]))


def formats_are_right(out: Path, documents: int) -> None:
    for suffix in ("ubl", "cii"):
        files = list(out.glob(f"documents/*.{suffix}.xml"))
        assert len(files) == documents
        assert [broken_rules(file.read_bytes()) for file in files] == [[]] * documents
    assert all(file.read_bytes().startswith(b"%PDF") for file in out.glob("documents/*.pdf"))
    bundle = {
        name: list(csv.DictReader((out / "focus-1.4" / file).open(encoding="utf-8", newline="")))
        for name, file in (
            ("Cost and Usage", "cost-and-usage.csv"),
            ("Invoice Detail", "invoice-detail.csv"),
            ("Billing Period", "billing-period.csv"),
        )
    }
    report = validate_dataset_bundle(bundle, invoice_detail_authoritative=True, rounding_tolerance=Decimal(0))
    assert report.ok, report.format()
    assert focus_rules.broken_rules(out / "focus-1.2.csv") == {"InvoiceId-C-004-C"}
    assert (out / "focus-1.2.parquet").read_bytes().startswith(b"PAR1")
    assert hledger_complaint(out / "ledger.hledger") == ""
    assert beancount_complaint(out / "ledger.beancount") == ""
    try_valid_xml((out / "payouts.pain.001.xml").read_bytes(), "pain.001.001.09")
