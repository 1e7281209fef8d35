from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from common import codec
from common.errors import InvalidInput
from common.ids import new_id
from common.wire import Capacity, Endpoint, GuestStatus, Heartbeat
from market.worker.agent_messages import read_heartbeat, read_status

NODE = "nod_1"
STATUS = GuestStatus(NODE, new_id("con", 1), 1, "ready", 5)
BEAT = Heartbeat(NODE, "0.1.0", True, {}, Capacity(1, 1, 1), 0, 5)


def test_what_an_agent_means_is_read_as_it_is() -> None:
    assert read_status(codec.encode(STATUS), NODE) == STATUS
    assert read_heartbeat(codec.encode(BEAT), NODE) == BEAT


@pytest.mark.parametrize(
    "change",
    [
        {"node": "nod_2"},
        {"contract": "con_1"},
        {"contract": "x\x00"},
        {"revision": 2**40},
        {"revision": -1},
        {"at_ms": 2**63},
        {"at_ms": -1},
        {"endpoints": (Endpoint("ssh", "192.0.2.1", 70_000),)},
    ],
)
def test_what_no_agent_can_mean_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        read_status(codec.encode(replace(STATUS, **change)), NODE)


def test_text_is_made_such_as_the_database_can_hold() -> None:
    status = read_status(codec.encode(replace(STATUS, reason="a\x00" + "b" * 10_000)), NODE)
    assert status.reason.startswith("a?b")
    assert len(status.reason) == 500
    surrogate = codec.encode(STATUS).replace(b'"reason":""', b'"reason":"\\ud800"')
    assert read_status(surrogate, NODE).reason == "?"
    assert read_heartbeat(codec.encode(replace(BEAT, agent_version="\x00" * 99)), NODE).agent_version == "?" * 40


@pytest.mark.parametrize("change", [{"node": "nod_2"}, {"at_ms": 2**63}, {"own_work": Capacity(0, -1, 0)}])
def test_a_heartbeat_that_no_agent_can_mean_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        read_heartbeat(codec.encode(replace(BEAT, **change)), NODE)
