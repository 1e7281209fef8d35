"""The commands of traders, readers and operators against a running market."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import Result

from common.errors import NestexError
from nestex.cli.output import REFUSED
from tests.market.factories import CODE
from tests.market.http.bodies import later
from tests.market.http.conftest import Http
from tests.nestex.cli.conftest import Run

BUY = ("buy", CODE, "--price", "0.012", "--minutes", "10")


def answer(result: Result) -> Any:
    """What a command printed with --json."""
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.output)


def sell(node_id: str, *more: str) -> tuple[str, ...]:
    return ("sell", CODE, "--price", "0.009", "--node", node_id, "--slices", "4", "--until", later(600), *more)


def test_every_option_of_an_order_reaches_the_market(run: Run, buyer: Http, provider: Http, node_id: str) -> None:
    options = (
        "--by", later(100), "--guests", "2", "--slices", "2", "--tif", "gtd", "--expires-at", later(50), "--post-only",
        "--stp", "cancel_both", "--node", node_id, "--avoid", provider.participant, "--min-reliability", "7",
        "--client-id", "mine", "--replace-on-failure",
    )  # fmt: skip
    order = answer(run(buyer, *BUY, *options, "--json"))
    expected = {
        "time_in_force": "gtd", "expires_at": later(50), "post_only": True, "self_trade_prevention": "cancel_both",
        "nodes": [node_id], "avoid_providers": [provider.participant], "min_reliability_ppm": 7, "guests": 2,
        "slices_per_guest": 2, "client_order_id": "mine", "state": "new",
        "replace_on_failure": True,
    }  # fmt: skip
    assert {name: order[name] for name in expected} == expected
    shared = answer(run(provider, *sell(node_id, "--linked", "--keep", "4,8192,40", "--json")))
    assert (shared["linked"], shared["remaining"][0]["slices"]) == (True, 4)
    run(provider, "cancel", shared["id"])
    offered = answer(run(provider, *sell(node_id, "--tif", "gtc", "--post-only", "--stp", "cancel_maker", "--json")))
    assert (offered["post_only"], offered["self_trade_prevention"]) == (True, "cancel_maker")


def test_a_preview_shows_trades_and_enters_nothing(run: Run, buyer: Http, provider: Http, node_id: str) -> None:
    run(provider, *sell(node_id))
    shown = run(buyer, *BUY, "--guests", "2", "--preview")
    assert shown.exit_code == 0
    assert "0.009000" in shown.output
    assert answer(run(buyer, *BUY, "--preview", "--json"))["state"] == "filled"
    assert answer(run(buyer, "orders", "--json")) == []
    assert run(buyer, *BUY, "--post-only", "--preview").exit_code == REFUSED


def test_one_of_several_alternatives_is_bought(run: Run, buyer: Http, provider: Http, node_id: str) -> None:
    run(provider, *sell(node_id))
    others = (
        "--or",
        "price=0.006 minutes=20",
        "--or",
        f"{CODE} price=0.012 guests=2 by={later(100)}",
        "--client-id",
        "mine",
    )
    preview = answer(run(buyer, "buy", CODE, "--price", "0.0048", "--minutes", "5", *others, "--preview", "--json"))
    assert preview["winner"] == 2
    placed = answer(run(buyer, "buy", CODE, "--price", "0.0048", "--minutes", "5", *others, "--json"))
    assert [row["client_order_id"] for row in placed] == ["mine", "mine.2", "mine.3"]
    assert [row["state"] for row in placed] == ["canceled", "canceled", "filled"]
    assert len(answer(run(buyer, "orders", "--group", placed[0]["id"], "--json"))) == 3
    assert run(buyer, *BUY, "--or", "colour=red").exit_code == 2
    assert run(buyer, *BUY, "--post-only", "--or", "guests=2").exit_code == REFUSED


def test_orders_are_amended_and_canceled(run: Run, buyer: Http) -> None:
    first = answer(run(buyer, *BUY, "--by", later(100), "--guests", "3", "--json"))["id"]
    run(buyer, *BUY, "--by", later(100))
    amended = answer(run(buyer, "amend", first, "--guests", "1", "--json"))
    assert (amended["guests"], amended["revision"]) == (1, 2)
    refused = run(buyer, "amend", first, "--price", "0.006", "--revision", "1")
    assert isinstance(refused.exception, NestexError)
    assert refused.exception.code == "revision_mismatch"
    assert answer(run(buyer, "cancel", first, "--json"))["state"] == "canceled"
    assert "0 canceled" in run(buyer, "cancel", "--all", "--side", "ask").output
    assert answer(run(buyer, "cancel", "--all", "--instrument", CODE, "--json")) == {"canceled": 1}
    assert answer(run(buyer, "orders", "--open", "--json")) == []
    of_these = ("--state", "canceled", "--side", "bid", "--instrument", CODE)
    assert len(answer(run(buyer, "orders", *of_these, "--json"))) == 2


def test_a_node_is_drained_and_sold_again(run: Run, provider: Http, node_id: str) -> None:
    assert answer(run(provider, "nodes", "drain", node_id, "--json"))["draining"] is True
    assert answer(run(provider, "nodes", "drain", node_id, "--undo", "--json"))["draining"] is False


def test_a_dead_man_timer_is_started_shown_and_stopped(run: Run, buyer: Http) -> None:
    started = answer(run(buyer, "cancel-after", "60", "--json"))
    assert started["seconds"] == 60
    assert answer(run(buyer, "cancel-after", "--json")) == started
    assert answer(run(buyer, "cancel-after", "0", "--json")) == {"seconds": 0, "cancels_at": None}


@pytest.mark.parametrize("arguments", [(), ("ord_x", "--all"), ("ord_x", "--side", "bid"), ("--side", "bid")])
def test_a_cancel_says_what_it_means(run: Run, buyer: Http, arguments: tuple[str, ...]) -> None:
    assert run(buyer, "cancel", *arguments).exit_code == 2


def test_readers_see_what_there_is_to_trade(run: Run, buyer: Http, provider: Http, node_id: str) -> None:
    run(provider, *sell(node_id))
    run(buyer, *BUY, "--guests", "2")
    assert CODE in run(buyer, "instruments").output
    assert [row["name"] for row in answer(run(buyer, "classes", "--json"))] == ["block", "mem", "std"]
    [trade] = answer(run(buyer, "trades", CODE, "--json"))
    assert trade["guests"] == 2
    [candle] = answer(run(buyer, "candles", CODE, "--interval", "1440", "--json"))
    assert (candle["volume"], candle["close"]) == (20, "0.009000")
    assert answer(run(buyer, "quality", CODE, "--days", "7", "--json"))["contracts"] == 0
    assert answer(run(buyer, "book", CODE, "--minutes", "30", "--json"))["executable"][0]["price"] == "0.009000"
    guests = ("--minutes", "30", "--slices", "2", "--start", later(60))
    assert "would trade now" in run(buyer, "book", CODE, *guests).output


def test_contracts_are_listed_and_end_early(
    run: Run, operator: Http, buyer: Http, provider: Http, node_id: str
) -> None:
    run(provider, *sell(node_id))
    run(buyer, *BUY, "--guests", "2")
    first, second = (row["id"] for row in answer(run(buyer, "contracts", "--state", "scheduled", "--json")))
    preview = answer(run(buyer, "contracts", "release", first, "--preview", "--json"))
    assert answer(run(buyer, "contracts", "release", first, "--json"))["fee"] == preview["fee"]
    busted = answer(run(operator, "contracts", "bust", second, "--reason", "a wrong price", "--json"))
    assert busted["contract"]["reason"] == "a wrong price"
    refused = run(provider, "contracts", "reclaim", first)
    assert isinstance(refused.exception, NestexError)
    assert [row["state"] for row in answer(run(provider, "contracts", "--json"))] == ["released", "busted"]


def test_keys_are_made_shown_and_ended(run: Run, buyer: Http, operator: Http) -> None:
    text = run(buyer, "keys", "create", "reader", "--scope", "read").output.strip()
    reader = operator.as_(text)
    assert reader.get("/v1/orders").status_code == 200
    key = next(row["id"] for row in answer(run(buyer, "keys", "list", "--json")) if row["name"] == "reader")
    assert run(buyer, "keys", "revoke", key).exit_code == 0
    assert reader.get("/v1/orders").json()["code"] == "key_invalid"


def test_an_operator_opens_a_market_and_lets_somebody_in(run: Run, operator: Http) -> None:
    sized = ("--vcpus", "2", "--memory-mib", "1024", "--disk-gib", "5")
    assert answer(run(operator, "operator", "add-class", "tiny", *sized, "--json"))["vcpus"] == 2
    options = ("--tick", "0.0006", "--price-max", "6", "--max-minutes", "60", "--bond", "100000", "--json")
    opened = answer(run(operator, "operator", "open-instrument", "fra1.tiny.firm", *options))
    assert (opened["tick"], opened["price_max"], opened["bond_ppm"]) == ("0.000600", "6.000000", 100_000)
    assert answer(run(operator, "operator", "mode", "fra1.tiny.firm", "halted", "--json"))["mode"] == "halted"
    changed = answer(run(operator, "operator", "limits", "fra1.tiny.firm", "--min-minutes", "5", "--json"))
    assert (changed["min_minutes"], changed["mode"], changed["max_minutes"]) == (5, "halted", 60)
    made = answer(run(operator, "operator", "admit", "Dune Data", "--email", "d@dune.example", "--fee", "1", "--json"))
    participant = made["participant"]["id"]
    paid = answer(run(operator, "operator", "deposit", participant, "5.00", "--key", "bank-1", "--json"))
    assert paid["available"] == "5.000000"
    assert "Dune Data" in run(operator, "operator", "participants").output
    refused = run(operator.as_(made["api_key"]), "operator", "participants")
    assert isinstance(refused.exception, NestexError)
    assert refused.exception.code == "scope_missing"
    assert run(operator, "operator", "open-instrument", "fra1.tiny").exit_code == 2


def test_an_operator_reads_the_feed(run: Run, operator: Http, buyer: Http) -> None:
    order = answer(run(buyer, *BUY, "--by", later(100), "--json"))["id"]
    streams = answer(run(operator, "operator", "feed", "--json"))
    assert {"stream": "engine.fra1", "newest": 1} in streams
    part = answer(run(operator, "operator", "feed", "engine.fra1", "--json"))
    assert ([event["subject"] for event in part["items"]], part["next"]) == ([order], 1)
    assert order in run(operator, "operator", "feed", "engine.fra1", "--after", "0", "--limit", "1").output
