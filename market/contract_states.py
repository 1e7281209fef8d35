"""The states of a contract. Source: the design's market rules, "Contracts"."""

from __future__ import annotations

from common.states import state_table

SCHEDULED = "scheduled"
PROVISIONING = "provisioning"
RUNNING = "running"
STOPPED = "stopped"
COMPLETED = "completed"
FAILED = "failed"
RELEASED = "released"
RECLAIMED = "reclaimed"
BUSTED = "busted"

ENDED = (RELEASED, RECLAIMED, FAILED, BUSTED)
"""How a contract ends that does not complete."""

CONTRACT_FEED = "contracts"
"""The stream of the feed that tells how contracts go on after their birth."""

CONTRACT_STATES = state_table(
    "contract",
    """
    scheduled    -> provisioning running stopped completed released reclaimed failed busted
    provisioning -> running stopped completed released reclaimed failed busted
    running      -> stopped completed released reclaimed failed busted
    stopped      -> running completed released reclaimed failed busted
    """,
)
