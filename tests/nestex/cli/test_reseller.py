"""`nestex nodes` and what it does for a provider, against a running market."""

from __future__ import annotations

import json

from common.errors import NestexError
from nestex.cli.output import REFUSED
from tests.market.factories import CODE, World
from tests.market.http.bodies import PROVIDER, later
from tests.market.http.conftest import Http
from tests.nestex.cli.conftest import Run

BEGIN = ("--sell", CODE, "--cost", "0.48", "--strategy", "fixed")


def test_a_node_sells_by_itself_from_one_command_to_another(
    run: Run, provider: Http, node_id: str, world: World
) -> None:
    reseller = ("nodes", "reseller", node_id)
    tried = run(provider, *reseller, *BEGIN, "--keep", "2,4096,20", "--dry-run")
    assert tried.exit_code == 0, tried.output
    assert "0.157980" in tried.output
    assert "Now: 6 slices of fra1.std.firm" in tried.output
    refused = run(provider, *reseller)
    assert isinstance(refused.exception, NestexError)
    assert refused.exception.code == "not_found"
    options = ("--until", later(300), "--utilisation", "80", "--markup", "10", "--min-minutes", "5", "--json")
    more = ("--decay-minutes", "30", "--ahead-minutes", "100", "--keep", "1,2048,10")
    told = json.loads(run(provider, *reseller, *BEGIN, *more, *options).output)
    expected = {
        "state": "on", "instruments": [CODE], "cost_per_hour": "0.480000", "strategy": "fixed", "until": later(300),
        "keep": {"vcpus": 1, "memory_mib": 2048, "disk_gib": 10}, "expected_utilisation_percent": 80,
        "markup_percent": 10, "min_minutes": 5, "decay_minutes": 30, "ahead_minutes": 100,
    }  # fmt: skip
    assert {name: told[name] for name in expected} == expected
    world.real.pass_minutes(60)
    shown = " ".join(run(provider, *reseller).output.split())
    for part in (
        "won back 0.00 %",
        "cost 0.480000",
        "utilisation before 12.50 %",
        "keep 1,2048,10",
        "0.00 % of it came back",
    ):
        assert part in shown
    assert "Now: 7 slices" in run(provider, *reseller, "--dry-run").output
    assert json.loads(run(provider, *reseller, "--dry-run", "--json").output)["change"] == "offer"
    assert json.loads(run(provider, *reseller, "--off", "--json").output)["state"] == "stopping"


def test_a_node_that_costs_nothing_is_told_what_it_earns_too(
    run: Run, provider: Http, node_id: str, world: World
) -> None:
    reseller = ("nodes", "reseller", node_id)
    begun = run(provider, *reseller, "--sell", CODE, "--cost", "0", "--strategy", "fixed")
    assert "It has just begun" in begun.output
    world.real.pass_minutes(60)
    shown = " ".join(run(provider, *reseller).output.split())
    assert "In 60 minutes your reservation has cost 0.000000, and 0 contracts have earned you 0.000000." in shown


def test_contradictions_and_what_cannot_be_read_are_refused(run: Run, provider: Http, node_id: str) -> None:
    reseller = ("nodes", "reseller", node_id)
    assert run(provider, *reseller, "--off", "--dry-run").exit_code == 2
    refused = run(provider, *reseller, *BEGIN, "--keep", "2,4096")
    assert isinstance(refused.exception, NestexError)
    assert refused.exception.field == "keep"
    assert run(provider, *reseller, *BEGIN, "--strategy", "greedy").exit_code == REFUSED - 1


def test_nodes_are_listed_and_enrolled_with_one_line(run: Run, provider: Http, node_id: str) -> None:
    assert node_id in run(provider, "nodes").output
    assert [row["id"] for row in json.loads(run(provider, "nodes", "--json").output)] == [node_id]
    line = run(provider, "nodes", "enrol", node_id).output
    token, _, command = line.strip().partition(" ")
    assert token.startswith("NESTEX_AGENT_TOKEN=")
    assert command == f"nestex agent --market {provider.url} --data nestex-agent"


def test_a_consumer_becomes_a_provider_with_a_node(run: Run, buyer: Http) -> None:
    node = ("nodes", "add", "alster-1", "--zone", "fra1", "--offer", "8,16384,80", "--until", later(1000), "--json")
    early = run(buyer, *node)
    assert isinstance(early.exception, NestexError)
    assert early.exception.code == "not_a_provider"
    form = [word for name, value in PROVIDER.items() for word in (f"--{name.replace('_', '-')}", value)]
    wrong = run(buyer, "provider", *form, "--iban", "DE89370400440532013001")
    assert isinstance(wrong.exception, NestexError)
    assert wrong.exception.code == "iban_invalid"
    assert json.loads(run(buyer, "provider", *form, "--json").output)["participant"] == buyer.participant
    made = json.loads(run(buyer, *node).output)
    assert made["offered"] == {"vcpus": 8, "memory_mib": 16384, "disk_gib": 80}
    assert f"--market {buyer.url}" in run(buyer, "nodes", "enrol", made["id"]).output
