"""What a buyer asks of its guest, over HTTP, by the bus and the agent to libvirt, and back to contract and bill."""

from __future__ import annotations

import signal

from tests.reliability.buyer import Buyer
from tests.reliability.town import AHEAD, NODE, Town

MINUTES = 80
"""Long enough for an agent that dies six times on a busy machine."""


def test_every_command_is_obeyed_once_although_agents_die_and_the_time_stopped_is_billed(town: Town) -> None:
    name = town.buy(minutes=MINUTES, guests=1)
    [row] = town.contracts(name)
    buyer = Buyer(town, f"/v1/contracts/{row['id']}")
    buyer.settled("ready")
    [(_name, first)] = town.instances()
    for verb, state in (("pause", "paused"), ("resume", "ready"), ("stop", "stopped"), ("start", "ready")):
        buyer.ask(verb)
        town.signal(f"agent-{NODE}", signal.SIGKILL)
        buyer.settled(state)
    [(_name, second)] = town.instances()
    buyer.ask("restart")
    town.signal(f"agent-{NODE}", signal.SIGKILL)
    buyer.settled("ready")
    [(_name, third)] = town.instances()
    assert first < second < third
    town.arm("guest.adapted")
    buyer.ask("rescale", {"memory_mib": 1024, "cpu_percent": 50})
    town.until(lambda: town.fault_happened, "the fault")
    told = buyer.settled("ready")
    assert {answer["field"]: answer["outcome"] for answer in told["answers"]}["cpu_percent"] == "refused"
    assert town.instances() == {(row["id"], third)}
    assert town.provider.get(f"/v1/nodes/{town.node}/status")["guests"] == {row["id"]: "ready"}
    buyer.ask("stop")
    buyer.settled("stopped")
    town.until(lambda: town.buyer.get(buyer.path)["state"] == "stopped", "the contract to be stopped")
    town.check_story(name, minutes=MINUTES, guests=1)
    [ended] = town.ended(name)
    assert ended["billed_minutes"] >= AHEAD, "stopped by its buyer is delivered"
