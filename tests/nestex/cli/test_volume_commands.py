"""A buyer's commands to its volumes, against a running market whose node has no agent."""

from __future__ import annotations

from typing import Any

from common.errors import NestexError
from tests.market.http.conftest import Http
from tests.nestex.cli.conftest import Run
from tests.nestex.cli.test_client_commands import BUY, answer, sell

BLOCK = "fra1.block.firm"


def test_a_volume_is_bought_given_to_a_guest_grown_and_set_aside(
    run: Run, operator: Http, buyer: Http, provider: Http, node_id: str
) -> None:
    run(operator, "operator", "open-instrument", BLOCK)
    for instrument in (BUY[1], BLOCK):
        run(provider, *(BLOCK if word == BUY[1] and instrument == BLOCK else word for word in sell(node_id)))
    answer(run(buyer, *BUY, "--json"))
    block = [BLOCK if word == BUY[1] else word for word in BUY]
    answer(run(buyer, *block, "--volume", "data", "--filesystem", "ext4", "--json"))
    [volume] = answer(run(buyer, "volume", "list", "--json"))
    [guest] = [row["id"] for row in answer(run(buyer, "contracts", "--json")) if row["kind"] == "guest"]
    assert (volume["guest_name"], volume["attached_to"]) == ("data", None)

    def command(verb: str, *arguments: str) -> Any:
        return answer(run(buyer, "volume", verb, volume["id"], *arguments, "--wait", "0", "--json"))

    assert command("attach", guest)["attached_to"] == guest
    assert command("detach")["attached_to"] is None
    assert command("grow", "--size", "10")["size_gib"] == 10
    assert command("set-aside", guest)["set_aside"]
    shown = answer(run(buyer, "volume", "show", volume["id"], "--json"))
    assert (shown["filesystem"], shown["bought_gib"]) == ("ext4", 10)
    assert "bought gib" in run(buyer, "volume", "show", volume["id"]).output
    refusal = run(buyer, "volume", "grow", volume["id"], "--size", "11").exception
    assert isinstance(refusal, NestexError)
    assert refusal.code == "beyond_the_slices"
