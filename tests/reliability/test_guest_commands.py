"""What a buyer asks of its guest, over HTTP, by the bus and the agent to libvirt, and back to contract and bill."""

from __future__ import annotations

import signal
from typing import Any

from tests.reliability.town import AHEAD, NODE, Town

MINUTES = 40


def test_every_command_is_obeyed_once_although_agents_die_and_the_time_stopped_is_billed(town: Town) -> None:
    name = town.buy(minutes=MINUTES, guests=1)
    [row] = town.contracts(name)
    path = f"/v1/contracts/{row['id']}"

    def command(verb: str, body: dict[str, Any] | None = None) -> None:
        town.until(lambda: town.buyer.post(f"{path}/{verb}", body), f"an answer to {verb}")

    def guest() -> Any:
        return town.buyer.get(f"{path}/guest")

    def settled(state: str) -> Any:
        return town.until(lambda: (told := guest())["settled"] and told["state"] == state and told, f"{verb}: {state}")

    verb = "creation"
    settled("ready")
    [(_name, first)] = town.instances()
    for verb, state in (("pause", "paused"), ("resume", "ready"), ("stop", "stopped"), ("start", "ready")):
        command(verb)
        town.signal(f"agent-{NODE}", signal.SIGKILL)
        settled(state)
    [(_name, second)] = town.instances()
    assert second > first
    verb = "restart"
    command(verb)
    settled("ready")
    [(_name, third)] = town.instances()
    assert third > second
    verb = "rescale"
    town.arm("guest.adapted")
    command(verb, {"memory_mib": 1024, "cpu_percent": 50})
    town.until(lambda: town.fault_happened, "the fault")
    told = settled("ready")
    assert {answer["field"]: answer["outcome"] for answer in told["answers"]}["cpu_percent"] == "refused"
    assert town.instances() == {(row["id"], third)}
    assert town.provider.get(f"/v1/nodes/{town.node}/status")["guests"] == {row["id"]: "ready"}
    verb = "stop"
    command(verb)
    settled("stopped")
    assert town.until(lambda: town.buyer.get(path)["state"] == "stopped", "the contract to be stopped")
    town.wait(AHEAD)
    town.check_story(name, minutes=MINUTES, guests=1)
    [ended] = town.ended(name)
    assert ended["billed_minutes"] >= AHEAD, "stopped by its buyer is delivered"
