"""`nestex export` against a running market: the files, and that none is left half written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sepaxml.validation import try_valid_xml

from billing.identities import save
from billing.transfers import MARKET
from nestex.cli.output import REFUSED
from tests.billing.factories import AT, MARKET_FORM, MONTH
from tests.market.factories import World
from tests.market.http.billing_month import close_a_month
from tests.market.http.conftest import Http
from tests.nestex.cli.conftest import Run


@pytest.fixture
def month(world: World, buyer: Http, provider: Http) -> None:
    close_a_month(world, buyer, provider)
    with world.begin() as connection:
        save(connection, MARKET, replace(MARKET_FORM, iban="DE75512108001245126199"), AT)


@pytest.mark.usefixtures("month")
def test_every_export_writes_its_files(run: Run, operator: Http, buyer: Http, tmp_path: Path) -> None:
    assert run(operator, "payout", "run", MONTH).exit_code == 0
    commands = {
        ("focus", "--everybody", "--month", MONTH): operator,
        ("journal",): operator,
        ("sepa", MONTH): operator,
        ("invoice",): buyer,
        ("invoice", "--everybody", "--month", MONTH): operator,
        ("statement", "--month", MONTH): buyer,
        ("usage", "--month", MONTH, "--format", "json"): buyer,
    }
    for arguments, who in commands.items():
        done = run(who, "export", *arguments, "--out", str(tmp_path / "out"))
        assert done.exit_code == 0, (done.output, done.exception)
    assert {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()} == {
        "focus-1.2.csv", "focus-1.2.parquet", "focus-1.4/billing-period.csv", "focus-1.4/cost-and-usage.csv",
        "focus-1.4/invoice-detail.csv", "ledger.beancount", "ledger.hledger", "payouts.pain.001.xml",
        "INV-2026-000001.cii.xml", "INV-2026-000001.csv", "INV-2026-000001.json", "INV-2026-000001.pdf",
        "INV-2026-000001.ubl.xml", "SBI-2026-000001.cii.xml", "SBI-2026-000001.csv", "SBI-2026-000001.json",
        "SBI-2026-000001.pdf", "SBI-2026-000001.ubl.xml", f"statement-{MONTH}.csv", f"usage-{MONTH}.json",
    }  # fmt: skip
    try_valid_xml((tmp_path / "out" / "payouts.pain.001.xml").read_bytes(), "pain.001.001.09")


def test_what_is_refused_leaves_no_file(run: Run, buyer: Http, tmp_path: Path) -> None:
    done = run(buyer, "export", "journal", "--out", str(tmp_path / "out"))
    assert done.exception is not None
    assert getattr(done.exception, "code", done.exit_code) in ("scope_missing", REFUSED)
    assert list((tmp_path / "out").iterdir()) == []
