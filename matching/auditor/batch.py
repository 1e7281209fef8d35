"""The facts of one batch: read once, before its first command, so they agree, but for the cash that its own commands
spend."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace

from matching.auditor.difference import require
from matching.auditor.facts import EntryFacts


class BatchFacts:
    """What earlier commands of the batch have shown of the facts."""

    def __init__(self) -> None:
        self._known: dict[Hashable, object] = {}
        self._available: dict[str, int] = {}

    def check(self, participant: str, facts: EntryFacts) -> None:
        """Raises Difference when they contradict the facts of an earlier command, or the cash that is left since."""
        party = replace(facts.party, available_micros=0)
        for key, value in (
            (("instrument", facts.instrument.code), facts.instrument),
            (("participant", participant), party),
            (("node", facts.node and facts.node.id), facts.node),
            (("contract", facts.contract and facts.contract.id), facts.contract),
        ):
            known = self._known.setdefault(key, value)
            require(known == value, f"the facts of {key[1]} are {value}, earlier in the batch {known}")
        available = facts.party.available_micros
        left = self._available.setdefault(participant, available)
        require(left == available, f"available cash of {participant} is {available}, the batch has left it {left}")

    def spend(self, spent: Mapping[str, int]) -> None:
        """The command that came last took so much out of participants' available cash."""
        for participant, amount in spent.items():
            if participant in self._available:
                self._available[participant] -= amount
