"""Orders as the book holds them.

They change as they trade; only `matching.floor` changes them, because it records how to take each change back. What
never changes stays in the command that entered them (`entry`): only what the rule reads often is copied out of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from matching.commands import EnterAsk, EnterBid
from matching.profile import Profile, window_profile
from matching.views import OpenAsk, OpenBid

if TYPE_CHECKING:
    from matching.book import BookSide

SliceVector = tuple[int, int, int]
"""What one slice takes: vCPUs, MiB of memory, GiB of disk."""

ALREADY = 0
"""The expiry minute of an order that the next command finds expired, whatever its minute."""


class Order:
    """What bids and asks have in common.

    `priority` counts entries and re-entries: the lower one is served first at a price. `side` is where it rests, or
    would rest. `previous` and `following` are its neighbours in time at its price, and there only while it rests.
    """

    __slots__ = (
        "entry",
        "expiry_minute",
        "following",
        "is_resting",
        "order",
        "previous",
        "price_micros",
        "priority",
        "side",
    )

    entry: EnterBid | EnterAsk
    order: str
    price_micros: int
    priority: int
    side: BookSide
    is_resting: bool
    expiry_minute: int
    previous: Order | None
    following: Order | None

    @property
    def expires_at(self) -> int | None:
        """The minute until which it is good, if there is one."""
        return self.entry.expires_at if self.entry.time_in_force == "gtd" else None

    def is_overdue(self, minute: int) -> bool:
        """Whether the minute until which it is good has come."""
        expires_at = self.expires_at
        return expires_at is not None and expires_at <= minute


class Bid(Order):
    """A bid that meets or rests on the book. `guests` is the total that it asks for, traded ones included."""

    __slots__ = (
        "duration_minutes",
        "earliest_end",
        "guests",
        "guests_left",
        "slices_per_guest",
        "start_by",
        "start_from",
    )

    entry: EnterBid

    def __init__(self, entry: EnterBid, side: BookSide) -> None:
        self.entry = entry
        self.side = side
        self.order = entry.order
        self.price_micros = entry.price_micros
        self.is_resting = False
        self.guests = self.guests_left = entry.guests
        self.slices_per_guest = entry.slices_per_guest
        self.start_from = start_from = entry.start_from
        self.start_by = start_by = entry.start_by
        self.duration_minutes = duration = entry.duration_minutes
        self.earliest_end = start_from + duration
        # From this minute on, the next whole minute is later than the last start; no start at all means from ever.
        self.expiry_minute = start_by if start_from <= start_by else ALREADY
        if entry.time_in_force == "gtd" and entry.expires_at is not None:
            self.expiry_minute = min(self.expiry_minute, entry.expires_at)

    def accepts(self, ask: Ask) -> bool:
        """Whether the bid's own conditions hold for what is stamped on the ask."""
        entry = self.entry
        return (
            (not entry.nodes or ask.node in entry.nodes)
            and (not entry.avoid_providers or ask.entry.participant not in entry.avoid_providers)
            and ask.entry.reliability_ppm >= entry.min_reliability_ppm
        )

    def view(self) -> OpenBid:
        """The bid as it stands now."""
        return OpenBid(
            self.order,
            self.entry.participant,
            self.entry.instrument,
            self.price_micros,
            self.guests_left,
            self.slices_per_guest,
            self.duration_minutes,
        )


class Ask(Order):
    """An ask that meets or rests on the book, with its remaining profile.

    `open_from`, `open_until`, `most_slices` and `expiry_minute` follow from the profile, and are kept beside it because
    the rule passes over most asks by looking at these alone. `slices` is the total that it offers, traded ones
    included.
    """

    __slots__ = (
        "min_minutes",
        "most_slices",
        "node",
        "open_from",
        "open_until",
        "profile",
        "slice_vector",
        "slices",
    )

    entry: EnterAsk

    def __init__(self, entry: EnterAsk, side: BookSide) -> None:
        self.entry = entry
        self.side = side
        self.order = entry.order
        self.node = entry.node
        self.price_micros = entry.price_micros
        self.is_resting = False
        self.min_minutes = entry.min_minutes
        self.slice_vector: SliceVector = (entry.slice_vcpus, entry.slice_memory_mib, entry.slice_disk_gib)
        self.slices = entry.slices
        self.set_profile(window_profile(entry.slices, entry.available_from, entry.available_until))

    def set_profile(self, profile: Profile) -> None:
        """Replaces the remaining supply."""
        self.profile = profile
        self.most_slices = profile.highest
        minutes = profile.minutes
        if minutes:
            self.open_from = minutes[0]
            self.open_until = minutes[-1]
            # A stretch is left from the next whole minute on until that minute is later than the latest start of one.
            latest = profile.latest_start(self.min_minutes)
            self.expiry_minute = ALREADY if latest is None else latest
        else:
            self.open_from = self.open_until = 0
            self.expiry_minute = ALREADY
        entry = self.entry
        if entry.time_in_force == "gtd" and entry.expires_at is not None:
            self.expiry_minute = min(self.expiry_minute, entry.expires_at)

    def view(self) -> OpenAsk:
        """The ask as it stands now."""
        entry = self.entry
        return OpenAsk(self.order, entry.participant, entry.instrument, self.price_micros, self.node, self.profile)
