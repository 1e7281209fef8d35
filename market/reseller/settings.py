"""What a provider tells the reseller of one node, and what the reseller remembers between two of its turns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from common.errors import InvalidInput
from common.wire import Capacity
from market.reseller.zip_trader import ZipState

Strategy = Literal["fixed", "undercut", "decay", "zip"]
NOTHING = Capacity(0, 0, 0)


@dataclass(frozen=True, slots=True)
class ResellerSettings:
    """The provider's wishes. `keep` is never sold; nothing is sold for minutes from `until` on, nor further ahead than
    `ahead_minutes`, nor for less than `min_minutes`; `decay_minutes` is how long the strategy `decay` takes from the
    first price to the floor."""

    instruments: tuple[str, ...]
    until: int
    cost_micros_per_hour: int
    strategy: Strategy
    keep: Capacity = NOTHING
    expected_utilisation_percent: int = 60
    markup_percent: int = 50
    min_minutes: int = 1
    decay_minutes: int = 240
    ahead_minutes: int = 10_080

    def check(self, zone: str, minute: int) -> None:
        """Raises InvalidInput when it contradicts the node in `zone`, or itself."""
        if len(set(self.instruments)) != len(self.instruments):
            raise InvalidInput("invalid_field", "an instrument is named twice", field="instruments")
        for code in self.instruments:
            if code.split(".")[0] != zone:
                reason = f"the node is in zone {zone}, {code} is traded in another"
                raise InvalidInput("invalid_field", reason, field="instruments", limit=f"zone {zone}")
        if self.until <= minute + 1:
            raise InvalidInput("invalid_field", "until lies in the past", field="until")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the engine did not take an order, and in which minute."""

    minute: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class OwnWork:
    """The most that the provider's own work has used of what the node offers, and when it did so last."""

    minute: int
    amount: Capacity


@dataclass(frozen=True, slots=True)
class Memory:
    """What outlasts a turn: since when these settings hold, the minute of the last turn and the newest trade that was
    looked at, the minute of the last own sale by instrument, for how many minutes an offer has rested since that or
    since ZIP last heard that nobody wanted it, what ZIP has learned by instrument, the last refusal, and the provider's
    own work."""

    since_minute: int
    seen_sequence: int = 0
    sold_minute: dict[str, int] = field(default_factory=dict)
    looked_minute: int = 0
    rested_minutes: dict[str, int] = field(default_factory=dict)
    learned: dict[str, ZipState] = field(default_factory=dict)
    refusal: Refusal | None = None
    own_work: OwnWork | None = None
