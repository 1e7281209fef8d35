"""The states of a guest (L2 VM), as its agent reports them. Source: the design's provisioning page, "Messages"."""

from __future__ import annotations

from common.states import state_table

GUEST_STATES = state_table(
    "guest",
    """
    accepted   -> preparing stopping removed failed
    preparing  -> starting stopping removed failed
    starting   -> running ready stopping failed crashed
    running    -> ready stopping stopped crashed failed
    ready      -> rescaling paused restarting stopping stopped crashed failed
    rescaling  -> ready crashed failed
    paused     -> ready stopping crashed failed
    restarting -> running ready stopping crashed failed
    stopping   -> stopped removed crashed failed
    stopped    -> starting removed failed
    crashed    -> preparing starting stopping removed failed
    failed     -> removed
    """,
)
