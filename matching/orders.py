"""Orders as the book holds them, and the views of them that others may keep.

`Bid` and `Ask` change as they trade; only `matching.floor` changes them, because it records how to take each change
back.
"""

from __future__ import annotations

from dataclasses import dataclass

from matching.commands import EnterAsk, EnterBid
from matching.profile import Profile, window_profile

SliceVector = tuple[int, int, int]
"""What one slice takes: vCPUs, MiB of memory, GiB of disk."""

ALREADY = 0
"""The expiry minute of an order that the next command finds expired, whatever its minute."""


class Bid:
    """A bid that meets or rests on the book.

    `priority` counts entries and re-entries: the lower one is served first at a price. `guests` is the total that it
    asks for, traded ones included.
    """

    __slots__ = (
        "avoid_providers",
        "duration_minutes",
        "earliest_end",
        "expires_at",
        "expiry_minute",
        "guests",
        "guests_left",
        "has_conditions",
        "instrument",
        "min_reliability_ppm",
        "nodes",
        "order",
        "participant",
        "post_only",
        "price_micros",
        "priority",
        "self_trade_prevention",
        "slices_per_guest",
        "start_by",
        "start_from",
    )

    def __init__(self, entry: EnterBid, priority: int) -> None:
        self.order = entry.order
        self.participant = entry.participant
        self.instrument = entry.instrument
        self.price_micros = entry.price_micros
        self.priority = priority
        self.guests = entry.guests
        self.guests_left = entry.guests
        self.slices_per_guest = entry.slices_per_guest
        self.duration_minutes = entry.duration_minutes
        self.start_from = entry.start_from
        self.start_by = entry.start_by
        self.earliest_end = entry.start_from + entry.duration_minutes
        self.post_only = entry.post_only
        self.self_trade_prevention: str = entry.self_trade_prevention
        self.nodes = frozenset(entry.nodes)
        self.avoid_providers = frozenset(entry.avoid_providers)
        self.min_reliability_ppm = entry.min_reliability_ppm
        self.has_conditions = bool(entry.nodes or entry.avoid_providers or entry.min_reliability_ppm)
        # From this minute on, the next whole minute is later than the last start; no start at all means from ever.
        latest = entry.start_by if entry.start_from <= entry.start_by else ALREADY
        self.expires_at = entry.expires_at if entry.time_in_force == "gtd" else None
        self.expiry_minute = latest if self.expires_at is None else min(latest, self.expires_at)

    def accepts(self, ask: Ask) -> bool:
        """Whether the bid's own conditions hold for what is stamped on the ask."""
        return (
            (not self.nodes or ask.node in self.nodes)
            and ask.participant not in self.avoid_providers
            and ask.reliability_ppm >= self.min_reliability_ppm
        )

    def is_overdue(self, minute: int) -> bool:
        """Whether the minute until which it is good has come."""
        return self.expires_at is not None and self.expires_at <= minute

    def is_filled(self, _minute: int) -> bool:
        """Whether every guest has traded."""
        return self.guests_left == 0

    def view(self) -> OpenBid:
        """The bid as it stands now."""
        return OpenBid(
            self.order,
            self.participant,
            self.instrument,
            self.price_micros,
            self.guests_left,
            self.slices_per_guest,
            self.duration_minutes,
        )


class Ask:
    """An ask that meets or rests on the book, with its remaining profile.

    `open_from`, `open_until`, `most_slices` and `expiry_minute` follow from the profile, and are kept beside it because
    the rule passes over most asks by looking at these alone. `slices` is the total that it offers, traded ones
    included.
    """

    __slots__ = (
        "expires_at",
        "expiry_minute",
        "instrument",
        "min_minutes",
        "most_slices",
        "node",
        "open_from",
        "open_until",
        "order",
        "participant",
        "post_only",
        "price_micros",
        "priority",
        "profile",
        "reliability_ppm",
        "self_trade_prevention",
        "slice_vector",
        "slices",
    )

    def __init__(self, entry: EnterAsk, priority: int) -> None:
        self.order = entry.order
        self.participant = entry.participant
        self.instrument = entry.instrument
        self.node = entry.node
        self.price_micros = entry.price_micros
        self.priority = priority
        self.min_minutes = entry.min_minutes
        self.slice_vector: SliceVector = (entry.slice_vcpus, entry.slice_memory_mib, entry.slice_disk_gib)
        self.slices = entry.slices
        self.reliability_ppm = entry.reliability_ppm
        self.post_only = entry.post_only
        self.self_trade_prevention: str = entry.self_trade_prevention
        self.expires_at = entry.expires_at if entry.time_in_force == "gtd" else None
        self.set_profile(window_profile(entry.slices, entry.available_from, entry.available_until))

    def set_profile(self, profile: Profile) -> None:
        """Replaces the remaining supply."""
        self.profile = profile
        minutes = profile.minutes
        if minutes:
            self.open_from = minutes[0]
            self.open_until = minutes[-1]
        else:
            self.open_from = self.open_until = 0
        self.most_slices = profile.highest
        # A stretch is left from the next whole minute on until that minute is later than the latest start of one.
        latest = profile.latest_start(self.min_minutes)
        expiry = ALREADY if latest is None else latest
        self.expiry_minute = expiry if self.expires_at is None else min(expiry, self.expires_at)

    def is_overdue(self, minute: int) -> bool:
        """Whether the minute until which it is good has come."""
        return self.expires_at is not None and self.expires_at <= minute

    def is_filled(self, minute: int) -> bool:
        """Whether no slice is left at any minute after this one."""
        return self.open_until <= minute + 1

    def view(self) -> OpenAsk:
        """The ask as it stands now."""
        return OpenAsk(self.order, self.participant, self.instrument, self.price_micros, self.node, self.profile)


Order = Bid | Ask


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

    @property
    def slice_minutes_left(self) -> int:
        """Slice-minutes of the whole remaining profile, elapsed minutes included: what its bond is reserved for."""
        return self.profile.slice_minutes

    def slice_minutes_from(self, minute: int) -> int:
        """Slice-minutes left from a minute on."""
        return self.profile.slice_minutes_from(minute)


OpenOrder = OpenBid | OpenAsk
