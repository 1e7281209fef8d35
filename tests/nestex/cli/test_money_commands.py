"""The commands of finance departments and of the operator about money, against a running market."""

from __future__ import annotations

import json
from typing import Any

from typer.testing import Result

from common.minutes import minute_text, month_of
from tests.market.factories import START_MINUTE
from tests.market.http.conftest import Http
from tests.nestex.cli.conftest import Run

SPAN = ("--from", minute_text(START_MINUTE - 60), "--until", minute_text(START_MINUTE + 60))
THERE = ("--iban", "DE89370400440532013000", "--holder", "Blauwal Builds")


def answer(result: Result) -> Any:
    """What a command printed with --json."""
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.output)


def test_a_statement_is_printed_from_opening_to_closing(run: Run, buyer: Http, operator: Http) -> None:
    shown = run(buyer, "statement", *SPAN)
    assert shown.exit_code == 0, shown.output
    assert shown.output.index("opening") < shown.output.index("deposit") < shown.output.index("closing")
    whole = answer(run(operator, "statement", *SPAN, "--participant", "market", "--json"))
    assert whole["closing"]["bank"] == "-100.000000"


def test_withdrawals_and_payouts(run: Run, buyer: Http, operator: Http) -> None:
    made = answer(run(buyer, "withdraw", "25.00", "--key", "rent", *THERE, "--json"))
    assert (made["kind"], made["amount"]) == ("withdrawal", "25.000000")
    assert answer(run(operator, "payout", "run", "november", "--json"))["payments"] == 0
    assert answer(run(operator, "payout", "list", "november", "--json")) == []
    assert run(buyer, "payout", "run", "november").exit_code != 0


def test_periods_disputes_and_lineage_speak_of_what_is_not_there(run: Run, buyer: Http, operator: Http) -> None:
    assert answer(run(operator, "period", "list", "--json")) == []
    assert answer(run(operator, "dispute", "list", "--json")) == []
    assert answer(run(operator, "refused", "--json")) == []
    for who, arguments, code in (
        (operator, ("period", "close", month_of(START_MINUTE)), "period_not_over"),
        (operator, ("period", "reissue", "doc_x", "--reason", "wrong"), "not_found"),
        (operator, ("credit", "con_x", "2026-10-01", "5", "--key", "k", "--reason", "slow"), "not_found"),
        (operator, ("dispute", "decide", "dsp_x", "upheld", "--note", "yes"), "not_found"),
        (buyer, ("dispute", "open", "con_x", *SPAN, "--reason", "slow"), "not_found"),
        (buyer, ("lineage", "con_x"), "not_found"),
        (buyer, ("lineage", "doc_x", "--line", "1"), "not_found"),
    ):
        failed = run(who, *arguments)
        assert getattr(failed.exception, "code", None) == code, (arguments, failed.output)
