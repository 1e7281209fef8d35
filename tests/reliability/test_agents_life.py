"""What befalls a node: it is cut off, loses its file, or gets an old one back."""

from __future__ import annotations

import shutil
import signal

from tests.reliability.town import AHEAD, MINUTES, Town

LONG = 12
"""Minutes of a guest that outlives what happens to its node."""


def test_a_node_that_is_cut_off_for_ten_minutes_goes_on_and_reports_every_minute_once(town: Town) -> None:
    name = town.buy(minutes=MINUTES)
    longer = town.buy(minutes=LONG)
    town.wait(AHEAD)
    town.cable.cut()
    town.wait(10.0)  # the short guest ends meanwhile
    assert len(town.domains()) == 2, "guests whose time has come end without the market"
    town.cable.mend()
    town.check_story(name, settled=False)
    town.check_story(longer, minutes=LONG)


def test_a_lost_agent_file_costs_no_guest_its_life(town: Town) -> None:
    name = town.buy(minutes=LONG)
    town.wait(AHEAD + MINUTES)
    before = town.instances()
    assert before
    town.signal("agent-node-1", signal.SIGKILL)
    for file in town.agent_folder.glob("agent.sqlite*"):
        file.unlink()
    town.wait(4.0)
    assert town.instances() == before, "the same guests run on"
    town.check_story(name, minutes=LONG)


def test_an_agent_file_that_was_restored_from_a_backup_bills_nothing_twice(town: Town) -> None:
    town.signal("agent-node-1", signal.SIGSTOP)
    copies = {file.name: file.read_bytes() for file in town.agent_folder.glob("agent.sqlite*")}
    town.signal("agent-node-1", signal.SIGCONT)
    name = town.buy(minutes=LONG)
    town.wait(AHEAD + MINUTES)
    before = town.instances()
    town.signal("agent-node-1", signal.SIGKILL)
    for file in town.agent_folder.glob("agent.sqlite*"):
        file.unlink()
    for file_name, content in copies.items():
        (town.agent_folder / file_name).write_bytes(content)
        shutil.copystat(town.agent_folder, town.agent_folder / file_name)
    town.wait(4.0)
    assert town.instances() == before
    town.check_story(name, minutes=LONG)
