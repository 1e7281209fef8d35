"""What a buyer asks of its guest, over HTTP, by the bus and the agent to libvirt, and back to contract and bill."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Any

from tests.reliability.town import AHEAD, NODE, Town

MINUTES = 40


@dataclass
class Buyer:
    """Commands the one guest of a contract, and does not give up."""

    town: Town
    path: str

    def command(self, verb: str, state: str, body: dict[str, Any] | None = None, fault: str = "") -> Any:
        """The guest, when it is as it should be after the command. Its agent dies at the fault, or at once."""
        if fault:
            self.town.arm(fault)
        self.town.until(lambda: self.town.buyer.post(f"{self.path}/{verb}", body), f"an answer to {verb}")
        if not fault:
            self.town.signal(f"agent-{NODE}", signal.SIGKILL)
        return self.settled(state)

    def settled(self, state: str) -> Any:
        """The guest, when its agent says that it is as wanted."""

        def look() -> Any:
            told = self.town.buyer.get(f"{self.path}/guest")
            return told if told["settled"] and told["state"] == state else None

        return self.town.until(look, f"a guest that is {state}")


def test_every_command_is_obeyed_once_although_agents_die_and_the_time_stopped_is_billed(town: Town) -> None:
    name = town.buy(minutes=MINUTES, guests=1)
    [row] = town.contracts(name)
    buyer = Buyer(town, f"/v1/contracts/{row['id']}")
    buyer.settled("ready")
    [(_name, first)] = town.instances()
    for verb, state in (("pause", "paused"), ("resume", "ready"), ("stop", "stopped"), ("start", "ready")):
        buyer.command(verb, state)
    [(_name, second)] = town.instances()
    buyer.command("restart", "ready")
    [(_name, third)] = town.instances()
    assert first < second < third
    told = buyer.command("rescale", "ready", {"memory_mib": 1024, "cpu_percent": 50}, fault="guest.adapted")
    assert {answer["field"]: answer["outcome"] for answer in told["answers"]}["cpu_percent"] == "refused"
    assert town.fault_happened
    assert town.instances() == {(row["id"], third)}
    assert town.provider.get(f"/v1/nodes/{town.node}/status")["guests"] == {row["id"]: "ready"}
    buyer.command("stop", "stopped")
    town.until(lambda: town.buyer.get(buyer.path)["state"] == "stopped", "the contract to be stopped")
    town.check_story(name, minutes=MINUTES, guests=1)
    [ended] = town.ended(name)
    assert ended["billed_minutes"] >= AHEAD, "stopped by its buyer is delivered"
