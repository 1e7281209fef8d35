"""The states of a contract. Source: the design's market rules, "Contracts"."""

from __future__ import annotations

from common.states import state_table

SCHEDULED = "scheduled"
PROVISIONING = "provisioning"
RUNNING = "running"
STOPPED = "stopped"
COMPLETED = "completed"
RESOLD = "resold"
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
    scheduled    -> provisioning running stopped resold completed released reclaimed failed busted
    provisioning -> running stopped resold completed released reclaimed failed busted
    running      -> stopped resold completed released reclaimed failed busted
    stopped      -> running resold completed released reclaimed failed busted
    resold       -> scheduled provisioning running stopped completed reclaimed failed busted
    """,
)
"""A contract that is resold goes on, delivered by the guest of another one. What is given back to it is scheduled again
with a guest made anew, or is where its guest is, which has not stopped yet."""

GUEST_LEADS_TO: dict[str | None, str] = {
    "starting": PROVISIONING,
    "running": PROVISIONING,
    "ready": RUNNING,
    "paused": STOPPED,
    "stopped": STOPPED,
    "failed": FAILED,
}
"""Guest state -> contract state. What is missing (accepted, preparing, crashed, restarting, ...) moves none."""

RESELLABLE = (SCHEDULED, PROVISIONING, RUNNING, STOPPED)
"""Contracts of which the rest can be offered."""
