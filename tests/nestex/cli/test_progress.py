from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from nestex.cli.progress import Progress
from tests.market.factories import HandClock


@pytest.mark.parametrize(("terminal", "minutes", "shown"), [(True, 1, True), (True, 0, False), (False, 1, False)])
def test_a_bar_is_for_people_who_have_waited(terminal: bool, minutes: int, shown: bool) -> None:
    written, clock = StringIO(), HandClock()
    console = Console(file=written, force_terminal=terminal, width=100)
    with Progress(console, "commands", clock) as progress:
        clock.pass_minutes(minutes)
        progress.update(3, 10)
        progress.update(10, 10)
    assert ("10/10" in written.getvalue()) == shown
