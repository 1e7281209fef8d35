"""Delivered seconds: what was seen of guests becomes one usage report for every market minute.

A guest is delivered while the instance that was reported ready is up, and while its buyer has it paused or stopped; a
volume while it is in the block pool.
Seeing the same instance up at two instants means
that it was up between them, also when the agent was away in the meantime; time after the last sighting of an instance
that is gone counts for nothing. Reports are cut at minute ends, once each and in order; whole seconds, to the nearest,
are counted over the contract's life and parts of one are carried on, so that the sum over minutes is the time
delivered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from common import codec
from common.wire import GuestMinute, UsageReport
from provisioner import lives
from provisioner.guest import MS_PER_MINUTE, OFF, GuestRecord, Uptime
from provisioner.hypervisor.port import Counters, Guest, Volume
from provisioner.store import Store

KEPT_MINUTES = 2880
"""How long a contract that is over is remembered, so that a late or repeated message about it changes nothing."""


_AWAY = "away"
"""Stands for the instance of a volume that was not seen."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the hypervisor showed. `at_ms` is market time before it was asked: the guests were up then or later.
    `volumes` are None where the block pool was away."""

    at_ms: int
    guests: tuple[Guest, ...]
    counters: Mapping[str, Counters]
    volumes: tuple[Volume, ...] | None = ()


def observe(store: Store, sighting: Sighting) -> None:
    """Lengthen the uptime of every instance that is delivered still, and keep the newest counters."""
    seen = {guest.contract: guest for guest in sighting.guests}
    volumes = {volume.name: volume for volume in sighting.volumes or ()}
    with store.transaction():
        for contract, record in store.guests().items():
            if record.is_volume:
                _observe_volume(store, record, volumes.get(contract), sighting.at_ms)
                continue
            instance = _delivered(record, seen.get(contract))
            if not instance:
                continue
            newest = [uptime for uptime in store.uptimes(contract) if uptime.instance == instance][-1:]
            from_ms = newest[0].from_ms if newest else sighting.at_ms
            store.open_uptime(contract, Uptime(instance, from_ms, sighting.at_ms))
            if counters := sighting.counters.get(contract):
                store.put_guest(replace(record, counters=counters))


def report_minutes(store: Store, now_minute: int) -> int:
    """Cut and number the reports of all minutes before the running one; how many there were.

    A minute gets a second report, of other contracts, when an allocation arrives after its window has begun.
    """
    reports: dict[int, list[GuestMinute]] = defaultdict(list)
    with store.transaction():
        for record in store.guests().values():
            for minute, usage in _cut(store, record, now_minute):
                reports[minute].append(usage)
            if _forgettable(record, now_minute):
                store.drop_guest(record.contract)
        life = lives.running(store)
        for number, minute in enumerate(sorted(reports), start=life.sequence + 1):
            report = UsageReport(store.node, number, minute, tuple(reports[minute]), life.name, life.since)
            store.add_usage(number, codec.encode(report))
        lives.advance(store, life.sequence + len(reports))
    return len(reports)


def delivered_ms(uptimes: Iterable[Uptime], begin_ms: int, end_ms: int) -> int:
    """Milliseconds of [begin, end) that at least one uptime covers."""
    total, covered_ms = 0, begin_ms
    for uptime in sorted(uptimes, key=lambda uptime: uptime.from_ms):
        from_ms, to_ms = max(uptime.from_ms, covered_ms), min(uptime.to_ms, end_ms)
        if to_ms > from_ms:
            total, covered_ms = total + to_ms - from_ms, to_ms
    return total


def _observe_volume(store: Store, record: GuestRecord, volume: Volume | None, at_ms: int) -> None:
    """It is delivered while it is seen in the block pool. Where that was away, it begins anew: nobody could use it."""
    if record.state != "ready":
        return
    known = store.uptimes(record.contract)
    if volume is None:
        store.open_uptime(record.contract, Uptime(_AWAY, at_ms, at_ms))
        return
    from_ms = known[-1].from_ms if known and known[-1].instance == record.instance else at_ms
    store.open_uptime(record.contract, Uptime(record.instance, from_ms, at_ms))
    store.put_guest(replace(record, counters=Counters(volume_gib=volume.size_gib)))


def _delivered(record: GuestRecord, guest: Guest | None) -> str:
    """The instance that is delivered, OFF for none that is, or "" for a guest that is not delivered."""
    if guest is None:
        return ""
    if record.rests:
        return "" if guest.instance else OFF
    if guest.instance != record.instance:
        return ""
    counts = record.state in ("ready", "paused", "stopping") if guest.up else guest.paused and record.state == "paused"
    return record.instance if counts else ""


def _cut(store: Store, record: GuestRecord, now_minute: int) -> list[tuple[int, GuestMinute]]:
    until = min(record.reported_until, now_minute)
    if record.next_minute >= until:
        return []
    uptimes, carry_ms, cut = store.uptimes(record.contract), record.carry_ms, []
    for minute in range(record.next_minute, until):
        delivered = delivered_ms(uptimes, minute * MS_PER_MINUTE, (minute + 1) * MS_PER_MINUTE)
        seconds, carry_ms = divmod(carry_ms + delivered, 1000)
        cut.append((minute, _usage(record, seconds)))
    store.put_guest(replace(record, next_minute=until, carry_ms=carry_ms))
    store.drop_uptimes(record.contract, until * MS_PER_MINUTE)
    return cut


def _usage(record: GuestRecord, seconds: int) -> GuestMinute:
    counters = record.counters
    return GuestMinute(
        contract=record.contract,
        seconds=seconds,
        epoch=record.epoch,
        cpu_ns=counters.cpu_ns,
        memory_kib=counters.memory_kib,
        disk_bytes=counters.disk_bytes,
        network_bytes=counters.network_bytes,
        volume_gib=counters.volume_gib,
    )


def _forgettable(record: GuestRecord, now_minute: int) -> bool:
    if record.closed_ms is None:
        return False
    return now_minute > record.closed_ms // MS_PER_MINUTE + KEPT_MINUTES
