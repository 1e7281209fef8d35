"""What others may keep of a resting order: copies that do not change with it."""

from __future__ import annotations

from dataclasses import dataclass

from matching.profile import Profile


@dataclass(frozen=True, slots=True)
class OpenBid:
    """A resting bid at one moment."""

    order: str
    participant: str
    instrument: str
    price_micros: int
    guests_left: int
    slices_per_guest: int
    duration_minutes: int

    @property
    def slice_minutes_left(self) -> int:
        """Slice-minutes that it still asks for: times its price, what must be reserved for it before VAT."""
        return self.guests_left * self.slices_per_guest * self.duration_minutes


@dataclass(frozen=True, slots=True)
class OpenAsk:
    """A resting ask at one moment."""

    order: str
    participant: str
    instrument: str
    price_micros: int
    node: str
    profile: Profile
    deliverer: str | None = None

    @property
    def slice_minutes_left(self) -> int:
        """Slice-minutes of the whole remaining profile, elapsed minutes included: what its bond is reserved for."""
        return self.profile.slice_minutes

    def slice_minutes_from(self, minute: int) -> int:
        """Slice-minutes left from a minute on."""
        return self.profile.slice_minutes_from(minute)


OpenOrder = OpenBid | OpenAsk
