"""The whole path on real servers and separate processes, as a user runs it: one bid becomes a guest, a minute, an
invoice."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

_LONGEST_SECONDS = 240


def test_the_demo_goes_from_the_first_order_to_books_that_balance(tmp_path: Path) -> None:
    out, figures = tmp_path / "out", tmp_path / "figures.json"
    command = [sys.executable, "-m", "nestex", "demo", "--out", str(out), "--json", str(figures)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    result = json.loads(figures.read_text())
    assert result["orders"] >= 8
    assert result["trades"] >= 6
    assert result["contracts"] == {"completed": 7}
    assert result["guests_started"] == 7
    assert 0 < result["minutes_billed"] <= 53
    assert result["fee_micros"] * 20 <= result["gross_micros"] < result["fee_micros"] * 20 + 20 * 7
    assert result["books_check"] == "ok"
    kinds = [document["kind"] for document in result["documents"]]
    assert (kinds.count("invoice"), kinds.count("self_billed_invoice")) == (3, 2)
    for document in result["documents"]:
        whole = json.loads((out / "documents" / f"{document['number']}.json").read_text())
        assert whole["number"] == document["number"]
        with (out / "documents" / f"{document['number']}.csv").open(newline="") as rows:
            assert len(list(csv.reader(rows))) > 1
