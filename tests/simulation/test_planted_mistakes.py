"""What the simulation is worth: mistakes that are planted into the product are found within a few dozen seeds."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from nats.aio.msg import Msg
from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from common import codec, subjects
from common.agent_commands import Watermark
from common.wire import Allocation, FieldAnswer, GuestSpec, UsageReport
from market.engine import fence as fencing
from market.engine import hand_over
from market.engine.batch import BatchProcessor
from market.engine.commands import Answer, Command
from market.engine.fence import Fence
from market.tables import lease
from market.worker.inbox import Inbox
from market.worker.usage import UsageReports
from provisioner import desired, metering
from provisioner.guest import GuestRecord
from provisioner.hypervisor.fake import FakeDriver
from provisioner.hypervisor.port import Guest
from provisioner.store import Store
from runtime.driver import Asked, Pipe
from tests.simulation.seed import run

SEEDS = 60

apply_commands, attempt = BatchProcessor._apply, BatchProcessor._attempt
handle_reports = UsageReports.handle
delivered = metering._delivered
put_claim, renew, accept = fencing.put_claim, fencing.renew, desired._accept


def acknowledge_before_commit(patch: pytest.MonkeyPatch) -> None:
    answers: dict[BatchProcessor, list[Answer]] = {}

    def noting(self: BatchProcessor, *given: Any) -> list[Answer]:
        answers[self] = apply_commands(self, *given)
        return answers[self]

    def hasty(self: BatchProcessor, commands: Sequence[Command], *, lock_cash: bool) -> list[Answer]:
        try:
            return attempt(self, commands, lock_cash=lock_cash)
        except DBAPIError:
            return answers[self]

    patch.setattr(BatchProcessor, "_apply", noting)
    patch.setattr(BatchProcessor, "_attempt", hasty)


def acknowledge_usage_before_it_is_stored(patch: pytest.MonkeyPatch) -> None:
    """To the stream, and to the agents: what only one of them has forgotten, the other sends again."""

    async def hasty_inbox(self: Inbox, messages: Sequence[Msg]) -> None:
        await asyncio.gather(*(message.ack() for message in messages))
        await self._handle(messages)
        self._followed(backlog=False)

    async def hasty_reports(self: UsageReports, messages: Sequence[Msg]) -> None:
        for message in messages:
            report = codec.decode(UsageReport, message.data)
            watermark = codec.encode(Watermark(report.sequence, report.life))
            await self.bus.publish(subjects.command(report.node, "watermark"), watermark)
        await handle_reports(self, messages)

    patch.setattr(Inbox, "_take", hasty_inbox)
    patch.setattr(UsageReports, "handle", hasty_reports)


def skip_the_fence(patch: pytest.MonkeyPatch) -> None:
    def with_newest_epoch(connection: Connection, fence: Fence) -> Fence:
        epoch = connection.execute(select(lease.c.epoch).where(lease.c.shard == fence.shard)).scalar_one()
        return dataclasses.replace(fence, epoch=epoch)

    def careless_claim(pipe: Pipe, fence: Fence, *given: Any) -> Asked:
        return put_claim(pipe, with_newest_epoch(pipe.connection, fence), *given)

    def careless_renew(connection: Connection, fence: Fence, lease_seconds: float) -> None:
        renew(connection, with_newest_epoch(connection, fence), lease_seconds)

    patch.setattr(fencing, "put_claim", careless_claim)
    patch.setattr(fencing, "renew", careless_renew)
    patch.setattr(fencing, "check", lambda _connection, _fence: None)


def apply_a_revision_twice(patch: pytest.MonkeyPatch) -> None:
    def forgetful(store: Store, allocation: Allocation, now_ms: int) -> bool:
        known = store.guest(allocation.contract)
        if known is not None and known.allocation.revision == allocation.revision:
            store.drop_guest(allocation.contract)
        return accept(store, allocation, now_ms)

    patch.setattr(desired, "_accept", forgetful)


def ignore_a_rescale(patch: pytest.MonkeyPatch) -> None:
    def unmoved(self: FakeDriver, contract: str, revision: int, spec: GuestSpec) -> tuple[FieldAnswer, ...]:
        self.domains[contract].revision = revision
        return ()

    patch.setattr(FakeDriver, "rescale", unmoved)


def ignore_a_pause(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(FakeDriver, "pause", lambda _driver, _contract: None)


def do_not_meter_stopped_guests(patch: pytest.MonkeyPatch) -> None:
    def only_up(record: GuestRecord, guest: Guest | None) -> str:
        return "" if record.rests else delivered(record, guest)

    patch.setattr(metering, "_delivered", only_up)


def forget_who_delivers_a_rest(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(hand_over, "deliveries", SimpleNamespace(deliver=lambda _connection, _links: None))


PLANTS: dict[Callable[[pytest.MonkeyPatch], None], int] = {
    acknowledge_before_commit: 3,
    acknowledge_usage_before_it_is_stored: 53,
    skip_the_fence: 2,
    apply_a_revision_twice: 3,
    ignore_a_rescale: 3,
    ignore_a_pause: 4,
    do_not_meter_stopped_guests: 2,
    forget_who_delivers_a_rest: 3,
}
"""Where to begin, so that few seeds are lived through: the second needs a worker that dies at the wrong moment, and no
number of seeds shows it sooner."""


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_mistake_is_found(
    plant: Callable[[pytest.MonkeyPatch], None],
    simulated_url: str,
    agent_files: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plant(monkeypatch)
    first = PLANTS[plant]
    found = (run(seed, simulated_url, agent_files).difference for seed in range(first, first + SEEDS))
    assert next(filter(None, found), None) is not None
