"""What one reader hears of a channel: messages without end, at the reader's own pace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass, field

from common.errors import InvalidInput
from market.feed.follow_book import BookView
from market.http.routes.account import account_model
from market.http.services import Services
from market.http.stream.channels import Channel, delta, is_heard, snapshot
from market.http.stream.feed_messages import told
from market.http.stream.messages import AccountMessage, Sequenced
from market.participants.keys import Caller

_ACCOUNT_SECONDS = 1.0


@dataclass
class Subscription:
    """A channel as one caller hears it. `sequences` is how far it has come: stream -> sequence."""

    market: Services
    who: Caller
    channel: Channel
    sequences: dict[str, int] = field(default_factory=dict)

    async def begin(self, after: Mapping[str, int]) -> None:
        """Take its places in the streams: now, or where `after` says. Raises InvalidInput for places that there are
        none of."""
        newest = {name: at for name, at in (await self.market.feed.newest()).items() if is_heard(self.channel, name)}
        own = {self.channel.name} if self.channel.kind in ("book", "account") else newest.keys()
        for stream, sequence in after.items():
            if stream not in own or sequence > newest.get(stream, sequence):
                message = f"the channel knows no such place: {stream} {sequence}"
                raise InvalidInput("invalid_field", message, field="after", limit=newest.get(stream))
        self.sequences = newest | dict(after)

    def unheard(self, streams: Iterable[str]) -> list[str]:
        """Streams that have come up since it began: they are to be heard from their beginning."""
        new = [stream for stream in streams if is_heard(self.channel, stream) and stream not in self.sequences]
        self.sequences |= dict.fromkeys(new, 0)
        return new

    def sources(self) -> list[AsyncGenerator[Sequenced, None]]:
        """What it hears, to be heard side by side."""
        if self.channel.kind == "book":
            return [self._book()]
        if self.channel.kind == "account":
            return [self._account()]
        return [self.stream(stream) for stream in self.sequences]

    async def stream(self, stream: str) -> AsyncGenerator[Sequenced, None]:
        """What the channel tells of a stream of the feed."""
        tail = self.market.feed.tail(stream)
        previous = self.sequences[stream]
        while True:
            events = await tail.after(self.sequences[stream])
            said = await asyncio.to_thread(told, self.market, self.who, self.channel, stream, events, previous)
            for message in said:
                yield message
                previous = self.sequences[stream] = message.sequence
            self.sequences[stream] = events[-1][0]

    async def _book(self) -> AsyncGenerator[Sequenced, None]:
        name = self.channel.name
        async with self.market.books.following(self.channel.instrument) as tail:
            while True:
                found = await tail.after(self.sequences.get(name))
                if isinstance(found, BookView):
                    yield snapshot(self.channel, found)
                    self.sequences[name] = found.sequence
                    continue
                for change in found:
                    yield delta(self.channel, change)
                    self.sequences[name] = change.view.sequence

    async def _account(self) -> AsyncGenerator[Sequenced, None]:
        name, currency = self.channel.name, self.market.currency
        known = None
        while True:
            account = await asyncio.to_thread(
                self.market.read, lambda connection: account_model(connection, self.who.participant, currency)
            )
            if account != known:
                previous = self.sequences.get(name, 0)
                yield AccountMessage(
                    channel=name, stream=name, sequence=previous + 1, previous_sequence=previous, account=account
                )
                known, self.sequences[name] = account, previous + 1
            await asyncio.sleep(_ACCOUNT_SECONDS)
