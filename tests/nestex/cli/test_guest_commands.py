"""A buyer's commands to its guest, against a running market whose node has no agent: what is wanted is recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from common.errors import NestexError
from tests.market.http.conftest import Http
from tests.nestex.cli.conftest import Run
from tests.nestex.cli.test_client_commands import BUY, answer, sell


def test_every_command_to_a_guest_reaches_the_market(
    run: Run, buyer: Http, provider: Http, node_id: str, tmp_path: Path
) -> None:
    run(provider, *sell(node_id))
    answer(run(buyer, *BUY, "--slices", "2", "--json"))
    [contract] = [row["id"] for row in answer(run(buyer, "contracts", "--json"))]

    def guest(verb: str, *arguments: str) -> Any:
        words = verb.split()
        return answer(run(buyer, "guest", *words, contract, *arguments, "--json"))

    for verb, want in (("stop", "stopped"), ("start", "run"), ("pause", "paused"), ("resume", "run")):
        assert guest(verb)["want"] == want
    assert guest("restart", "--revision", "5")["revision"] == 6
    (tmp_path / "data").write_text("#!/bin/sh\n")
    sizes = ("--vcpus", "1", "--memory", "1024", "--disk", "8", "--cpu-shares", "512", "--cpu-percent", "50")
    guest("rescale", *sizes, "--wait", "0")
    guest("configure", "--name", "web-1", "--port", "80", "--port", "443", "--user-data", str(tmp_path / "data"))
    guest("adapter attach", "eth1")
    guest("volume add", "data", "--size", "2", "--filesystem", "ext4")
    guest("volume grow", "data", "--size", "3")
    guest("snapshot take", "before")
    shown = guest("snapshot revert", "before")
    expected = {
        "vcpus": 1, "memory_mib": 1024, "disk_gib": 8, "cpu_shares": 512, "cpu_percent": 50, "name": "web-1",
        "ports": [80, 443], "adapters": ["eth1"], "snapshots": ["before"], "settled": None,
        "volumes": [{"name": "data", "size_gib": 3, "filesystem": "ext4"}],
    }  # fmt: skip
    assert {name: shown[name] for name in expected} == expected
    for gone in (("adapter detach", "eth1"), ("volume remove", "data"), ("snapshot drop", "before")):
        left = guest(*gone)
    assert (left["adapters"], left["volumes"], left["snapshots"]) == ([], [], [])
    more = ("--slices", "4", "--price", "0.012")
    assert guest("rescale", *more, "--preview")["price"] == "0.009000"
    assert guest("rescale", *more)["vcpus"] == 3, "two more than the one that it was made smaller to"


def test_a_refusal_and_a_silent_node_are_told(run: Run, buyer: Http, provider: Http, node_id: str) -> None:
    run(provider, *sell(node_id))
    answer(run(buyer, *BUY, "--json"))
    [contract] = [row["id"] for row in answer(run(buyer, "contracts", "--json"))]
    assert "cpu percent" in run(buyer, "guest", "show", contract).output
    for asked, code in (
        (("guest", "rescale", contract, "--vcpus", "2"), "beyond_the_slices"),
        (("guest", "console", contract), "node_unavailable"),
        (("guest", "snapshot", "list", contract), "node_unavailable"),
        (("node-status", node_id), "not_found"),
    ):
        refusal = run(buyer, *asked).exception
        assert isinstance(refusal, NestexError)
        assert refusal.code == code
