from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from common import codec, subjects
from common.clock import ClockAnchor, MarketClock, SystemClock
from common.wire import GuestStatus
from provisioner import lives
from provisioner.blocking import Blocking
from provisioner.desired import accept
from provisioner.link import Link
from provisioner.metering import report_minutes
from provisioner.spool import StatusSpool, UsageSpool
from provisioner.store import Store
from tests.provisioner.bus import Market, Nats, eventually, market
from tests.provisioner.factories import allocation, contract


@dataclass
class Spools:
    """Both spools of a node on a real link, and the market's side of it."""

    side: Market
    link: Link
    usage: UsageSpool
    statuses: StatusSpool
    store: Store
    storage: Blocking

    async def report(self, until: int) -> None:
        """Cut the minutes before `until`."""
        await self.storage(report_minutes, self.store, until)
        self.usage.wake()

    async def kept(self) -> list[int]:
        """Sequence numbers of the usage reports that are kept."""
        return [sequence for sequence, _payload in await self.storage(self.store.usage_from, 0, 1000)]

    async def life(self) -> int:
        """The running life of the file."""
        return (await self.storage(lives.running, self.store)).name

    async def confirm(self, sequence: int) -> None:
        """The market says that it has committed so much of this life."""
        await self.usage.confirm(await self.life(), sequence)

    async def resend(self, sequence: int) -> bool:
        """The market asks for reports of this life again."""
        return await self.usage.resend(await self.life(), sequence)

    async def until_statuses_are_gone(self) -> None:
        """Until the stream has acknowledged every status message."""
        while await self.storage(self.store.statuses, 10):  # noqa: ASYNC110  SQLite has no event to wait for
            await asyncio.sleep(0.01)

    def heard(self) -> list[int]:
        """Sequence numbers in the order in which they were published."""
        return [report.sequence for report in self.side.reports]


async def _no_answer(verb: str, payload: bytes) -> bytes:
    raise AssertionError("nobody commands here")


@asynccontextmanager
async def _spools(server: Nats, node: str, *, silence_seconds: float = 30.0) -> AsyncIterator[Spools]:
    storage = Blocking("store")
    store = await storage(Store, Path(":memory:"), node)
    await storage(lives.begin, store, 0)
    await storage(accept, store, [allocation(0, 100)], 0)
    async with market(server, node) as side:
        link = Link(server.identity(node, ClockAnchor(0, 0)), answer=_no_answer, connected=lambda: None)
        usage = UsageSpool(
            link, storage, store, MarketClock(ClockAnchor(0, 0), SystemClock()), republish_seconds=silence_seconds
        )
        statuses = StatusSpool(link, storage, store)
        tasks = [asyncio.create_task(part.run()) for part in (link, usage, statuses)]
        try:
            await eventually(lambda: link.is_up)
            yield Spools(side, link, usage, statuses, store, storage)
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await storage(store.close)
            storage.close()


def _last_is(spools: Spools, sequence: int, count: int = 1) -> Callable[[], bool]:
    return lambda: spools.heard().count(sequence) >= count


def test_reports_are_published_in_order_and_kept_until_the_watermark(nats_server: Nats, node: str) -> None:
    async def story() -> None:
        async with _spools(nats_server, node) as spools:
            await spools.report(3)
            await spools.report(5)
            await eventually(_last_is(spools, 5))
            assert spools.heard() == [1, 2, 3, 4, 5]
            assert [report.minute for report in spools.side.reports] == [0, 1, 2, 3, 4]
            assert await spools.kept() == [1, 2, 3, 4, 5]
            await spools.confirm(3)
            assert await spools.kept() == [4, 5]

    asyncio.run(story())


def test_the_market_can_have_reports_again_that_it_has_not_committed(nats_server: Nats, node: str) -> None:
    async def story() -> None:
        async with _spools(nats_server, node) as spools:
            await spools.report(5)
            await eventually(_last_is(spools, 5))
            await spools.confirm(2)
            assert not await spools.resend(2)
            stored = (await spools.side.jetstream.stream_info(subjects.USAGE_STREAM)).state.messages
            assert await spools.resend(4)
            await eventually(_last_is(spools, 5, 2))
            await spools.report(6)
            await eventually(_last_is(spools, 6))
            assert spools.heard() == [1, 2, 3, 4, 5, 4, 5, 6]
            # The stream keeps what was asked for once more, although it knows the ids of the first publication.
            assert (await spools.side.jetstream.stream_info(subjects.USAGE_STREAM)).state.messages == stored + 3

    asyncio.run(story())


def test_after_a_reconnection_everything_unconfirmed_is_published_again(nats_server: Nats, node: str) -> None:
    async def story() -> None:
        async with _spools(nats_server, node) as spools:
            await spools.report(4)
            await eventually(_last_is(spools, 4))
            await spools.confirm(2)
            spools.usage.republish()
            await eventually(_last_is(spools, 4, 2))
            assert spools.heard() == [1, 2, 3, 4, 3, 4]

    asyncio.run(story())


def test_silence_of_the_market_has_everything_unconfirmed_published_again(nats_server: Nats, node: str) -> None:
    async def story() -> None:
        async with _spools(nats_server, node, silence_seconds=0.2) as spools:
            await spools.report(2)
            await eventually(_last_is(spools, 2, 3))
            await spools.confirm(2)
            count = len(spools.heard())
            await asyncio.sleep(0.5)
            assert len(spools.heard()) == count

    asyncio.run(story())


def test_a_node_that_was_set_back_begins_a_new_life_and_loses_no_report(nats_server: Nats, node: str) -> None:
    async def story() -> None:
        async with _spools(nats_server, node) as spools:
            first = await spools.life()
            await spools.storage(report_minutes, spools.store, 3)
            await spools.usage.confirm(first, 80)  # this life has come further than this file knows
            second = await spools.life()
            await spools.report(4)
            await eventually(lambda: [report.life for report in spools.side.reports].count(second) == 4)
            sent = [report for report in spools.side.reports if report.life == second]
            assert [(report.sequence, report.minute) for report in sent] == [(1, 0), (2, 1), (3, 2), (4, 3)]
            await spools.usage.confirm(first, 90)  # old news
            assert not await spools.usage.resend(first, 4)
            assert await spools.kept() == [1, 2, 3, 4]
            assert second != first

    asyncio.run(story())


def test_statuses_are_published_in_order_and_dropped_once_the_stream_has_them(nats_server: Nats, node: str) -> None:
    async def story() -> None:
        async with _spools(nats_server, node) as spools:
            await eventually(lambda: len(spools.side.statuses) == 1)  # accepted
            for number, state in enumerate(("preparing", "starting"), start=1):
                status = GuestStatus(node, contract(), 1, state, number)  # type: ignore[arg-type]  # both are states
                await spools.storage(spools.store.add_status, contract(), codec.encode(status))
            spools.statuses.wake()
            await eventually(lambda: len(spools.side.statuses) == 3)
            assert spools.side.states(contract()) == ["accepted", "preparing", "starting"]
            await spools.until_statuses_are_gone()

    asyncio.run(story())
