"""What a node's reseller has brought in: earned by its contracts, exact from billing's running totals, against what the
reservation cost while it was on; and how much of the node was in use without it and with it.

Utilisation is that of the resource that was used most: it is what the next guest would lack first.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from billing.invariants.figures import figures
from common.money import PPM
from common.price import MINUTES_PER_HOUR
from market.reseller.decide import own_prefix

_RESOURCES = ("vcpus", "memory_mib", "disk_gib")

_HELD = """
    held AS (
        SELECT billable_contract.*, starts_with(coalesce(orders.client_order_id, ''), :prefix) AS is_own,
            coalesce(billable_contract.ended_minute, billable_contract.end_minute) AS stop_minute,
            slice_class.vcpus, slice_class.memory_mib, slice_class.disk_gib
        FROM contract
        JOIN orders ON orders.id = contract.ask_order_id
        JOIN billable_contract ON contract_id = contract.id
        JOIN instrument ON instrument.code = contract.instrument
        JOIN slice_class ON slice_class.name = instrument.slice_class
        WHERE contract.node_id = :node AND contract.provider_id = :owner
    )
"""
_OWN_FIGURES = figures("settled", "billed_minutes", "released_minutes", "own")
_OWN_TAKEN = figures("taken", "CASE ending WHEN 'busted' THEN billed_minutes ELSE credited_minutes END", "0", "own")
_EARNED = text(f"""
    WITH {_HELD}, own AS (SELECT * FROM held WHERE is_own), {_OWN_FIGURES}, {_OWN_TAKEN}
    SELECT count(*) AS contracts, coalesce(sum(settled.slices * settled.billed_minutes), 0) AS slice_minutes,
        coalesce(sum(settled.provider_net - taken.provider_net), 0) AS micros
    FROM settled JOIN taken USING (contract_id)
""")  # noqa: S608  # joined from constants
_SPANS = """
    spans AS (
        SELECT *, least(until_minute, :minute) - from_minute AS minutes
        FROM reseller_span WHERE node_id = :node AND from_minute < :minute
    )
"""
_COST = text(f"""
    WITH {_SPANS}
    SELECT coalesce(sum(minutes), 0) AS minutes, coalesce(sum(minutes * cost_micros_per_hour), 0) AS micros,
        coalesce(sum(minutes * vcpus::bigint), 0) AS vcpus,
        coalesce(sum(minutes * memory_mib::bigint), 0) AS memory_mib,
        coalesce(sum(minutes * disk_gib::bigint), 0) AS disk_gib,
        coalesce(sum(minutes * kept_vcpus::bigint), 0) AS kept_vcpus,
        coalesce(sum(minutes * kept_memory_mib::bigint), 0) AS kept_memory_mib,
        coalesce(sum(minutes * kept_disk_gib::bigint), 0) AS kept_disk_gib
    FROM spans
""")  # noqa: S608  # joined from constants
_USED = text(f"""
    WITH {_SPANS}, {_HELD}, used AS (
        SELECT held.vcpus, held.memory_mib, held.disk_gib, is_own, slices::bigint * greatest(
            0, least(stop_minute, spans.from_minute + spans.minutes) - greatest(start_minute, spans.from_minute)
        ) AS slice_minutes
        FROM held, spans
    )
    SELECT is_own, sum(slice_minutes * vcpus) AS vcpus, sum(slice_minutes * memory_mib) AS memory_mib,
        sum(slice_minutes * disk_gib) AS disk_gib
    FROM used GROUP BY is_own
""")  # noqa: S608  # joined from constants


@dataclass(frozen=True, slots=True)
class Result:
    """Since the reseller was switched on first. `earned_micros` is net of the market's fee and without VAT, of what its
    contracts have delivered; the cost counts for the `minutes` for which it was on; shares are parts per million, None
    while there is nothing to compare with."""

    minutes: int
    contracts: int
    slice_minutes: int
    earned_micros: int
    cost_micros: int
    utilisation_before_ppm: int | None
    utilisation_after_ppm: int | None

    @property
    def won_back_ppm(self) -> int | None:
        """The share of the reservation's cost that came back."""
        return self.earned_micros * PPM // self.cost_micros if self.cost_micros else None


def result(connection: Connection, owner: str, node_id: str, minute: int) -> Result:
    """The result up to this minute."""
    names = {"node": node_id, "owner": owner, "prefix": own_prefix(node_id), "minute": minute}
    earned = connection.execute(_EARNED, names).one()
    cost = connection.execute(_COST, names).one()
    used = {row.is_own: row for row in connection.execute(_USED, names)}
    whole, kept, by_hand, own = (
        {name: int(getattr(row, prefix + name, 0)) for name in _RESOURCES}
        for row, prefix in ((cost, ""), (cost, "kept_"), (used.get(False), ""), (used.get(True), ""))
    )
    before = {name: kept[name] + by_hand[name] for name in _RESOURCES}
    after = {name: before[name] + own[name] for name in _RESOURCES}
    return Result(
        minutes=int(cost.minutes),
        contracts=int(earned.contracts),
        slice_minutes=int(earned.slice_minutes),
        earned_micros=int(earned.micros),
        cost_micros=int(cost.micros) // MINUTES_PER_HOUR,
        utilisation_before_ppm=_most(before, whole),
        utilisation_after_ppm=_most(after, whole),
    )


def _most(used: dict[str, int], whole: dict[str, int]) -> int | None:
    return max((used[name] * PPM // whole[name] for name in _RESOURCES if whole[name]), default=None)
