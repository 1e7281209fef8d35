"""Orders as the book holds them.

They change as they trade; only `matching.floor` changes them, because it records how to take each change back. What
never changes stays in the command that entered them (`entry`): only what the rule reads often is copied out of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from matching.commands import EnterAsk, EnterBid, EnterLinkedAsk
from matching.profile import EMPTY, Profile, window_profile
from matching.views import OpenAsk, OpenBid

if TYPE_CHECKING:
    from matching.book import BookSide

SliceVector = tuple[int, int, int]
"""What one slice takes: vCPUs, MiB of memory, GiB of disk."""

ALREADY = 0
"""The expiry minute of an order that the next command finds expired, whatever its minute."""


class _Either:
    """What bids and asks have in common.

    `priority` counts entries and re-entries: the lower one is served first at a price. `side` is where it rests, or
    would rest. `expires_at` is the minute until which it is good, if there is one.
    """

    __slots__ = ("expires_at", "expiry_minute", "order", "price_micros", "priority", "side")

    order: str
    price_micros: int
    priority: int
    side: BookSide
    expires_at: int | None
    expiry_minute: int

    def is_overdue(self, minute: int) -> bool:
        """Whether the minute until which it is good has come."""
        return self.expires_at is not None and self.expires_at <= minute


class Bid(_Either):
    """A bid that meets or rests on the book. `guests` is the total that it asks for, traded ones included.

    `rivals` are the ids of the other bids of its exclusive group, in the order in which they entered.
    """

    __slots__ = (
        "duration_minutes",
        "earliest_end",
        "entry",
        "guests",
        "guests_left",
        "rivals",
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
        self.guests = self.guests_left = entry.guests
        self.rivals: tuple[str, ...] = ()
        self.slices_per_guest = entry.slices_per_guest
        self.start_from = start_from = entry.start_from
        self.start_by = start_by = entry.start_by
        self.duration_minutes = duration = entry.duration_minutes
        self.earliest_end = start_from + duration
        # From this minute on, the next whole minute is later than the last start; no start at all means from ever.
        self.expiry_minute = start_by if start_from <= start_by else ALREADY
        self.expires_at = expires_at = entry.expires_at if entry.time_in_force == "gtd" else None
        if expires_at is not None and expires_at < self.expiry_minute:
            self.expiry_minute = expires_at

    def accepts(self, ask: Ask) -> bool:
        """Whether the bid's own conditions hold for what is stamped on the ask."""
        entry = self.entry
        return (
            (not entry.nodes or ask.node in entry.nodes)
            and (
                not entry.avoid_providers
                or (
                    ask.entry.participant not in entry.avoid_providers
                    and ask.entry.deliverer not in entry.avoid_providers
                )
            )
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


class Ask(_Either):
    """An ask that meets or rests on the book, with its remaining supply.

    What is left of most asks is one stretch: `most_slices` at every minute of [open_from, open_until). Only trades
    inside of it leave `steps`, which those three then sum up; the rule passes over most asks by looking at them alone.
    `slices` is the total that it offers, traded ones included.
    """

    __slots__ = (
        "entry",
        "min_minutes",
        "most_slices",
        "node",
        "open_from",
        "open_until",
        "slice_vector",
        "slices",
        "steps",
    )

    entry: EnterAsk

    def __init__(self, entry: EnterAsk, side: BookSide) -> None:
        self.entry = entry
        self.side = side
        self.order = entry.order
        self.node = entry.node
        self.price_micros = entry.price_micros
        self.min_minutes = entry.min_minutes
        self.slice_vector: SliceVector = (entry.slice_vcpus, entry.slice_memory_mib, entry.slice_disk_gib)
        self.slices = self.most_slices = entry.slices
        self.steps: Profile | None = None
        self.open_from = entry.available_from
        self.open_until = entry.available_until
        # A stretch is left from the next whole minute on until that minute is later than the latest start of one.
        latest = entry.available_until - entry.min_minutes
        self.expiry_minute = latest if latest >= entry.available_from else ALREADY
        self.expires_at = expires_at = entry.expires_at if entry.time_in_force == "gtd" else None
        if expires_at is not None and expires_at < self.expiry_minute:
            self.expiry_minute = expires_at

    @property
    def profile(self) -> Profile:
        """The remaining supply."""
        if self.steps is not None:
            return self.steps
        return window_profile(self.most_slices, self.open_from, self.open_until) if self.most_slices else EMPTY

    def earliest_start(self, slices: int, duration: int, first: int, last: int) -> int | None:
        """The earliest start in [first, last] of `duration` minutes with `slices` (1 or more) left at each of them."""
        if self.steps is not None:
            return self.steps.earliest_start(slices, duration, first, last)
        start = self.open_from if self.open_from > first else first
        return start if start <= last and start + duration <= self.open_until and slices <= self.most_slices else None

    def set_profile(self, profile: Profile) -> None:
        """Replaces the remaining supply."""
        self.most_slices = profile.highest
        minutes = profile.minutes
        self.steps = None if len(minutes) == 2 else profile
        if minutes:
            self.open_from = minutes[0]
            self.open_until = minutes[-1]
            latest = profile.latest_start(self.min_minutes)
            self.expiry_minute = ALREADY if latest is None else latest
        else:
            self.open_from = self.open_until = 0
            self.expiry_minute = ALREADY
        if self.expires_at is not None and self.expires_at < self.expiry_minute:
            self.expiry_minute = self.expires_at

    def view(self) -> OpenAsk:
        """The ask as it stands now."""
        entry = self.entry
        place = self.order, entry.participant, entry.instrument, self.price_micros, self.node, self.profile
        return OpenAsk(*place, deliverer=entry.deliverer)


class LinkedAsk(Ask):
    """An ask that shares its node's capacity with others: `vector` is what one of its slices takes, `offered` what the
    node offers to those that share. Its own `slice_vector` is nothing: what it has left is no part of the load."""

    __slots__ = ("offered", "vector")

    def __init__(self, entry: EnterLinkedAsk, side: BookSide) -> None:
        super().__init__(entry.ask, side)
        self.vector = self.slice_vector
        self.slice_vector = (0, 0, 0)
        self.offered: SliceVector = (entry.offered_vcpus, entry.offered_memory_mib, entry.offered_disk_gib)


Order = Bid | Ask
