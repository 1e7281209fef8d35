"""What has come of the week: figures of every strategy, and whether everything holds that must hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, text

from bench.week.cast import STRATEGIES, NodeCast
from bench.week.scene import SellersNode
from common.decimals import print_scaled
from common.money import PPM, Money
from nestex.audit.market import audit
from nestex.books import first_difference

_LEVELS = text("""
    WITH taken AS (
        SELECT node_id, start_minute, coalesce(ended_minute, end_minute) AS stop_minute, slices * vcpus AS vcpus,
            slices * memory_mib AS memory_mib, slices * disk_gib AS disk_gib
        FROM contract JOIN instrument ON instrument.code = contract.instrument
        JOIN slice_class ON slice_class.name = instrument.slice_class
    ), change AS (
        SELECT node_id, start_minute AS minute, vcpus, memory_mib, disk_gib FROM taken WHERE stop_minute > start_minute
        UNION ALL
        SELECT node_id, stop_minute, -vcpus, -memory_mib, -disk_gib FROM taken WHERE stop_minute > start_minute
    ), level AS (
        SELECT node_id, minute, sum(sum(vcpus)) OVER minutes AS vcpus, sum(sum(memory_mib)) OVER minutes AS memory_mib,
            sum(sum(disk_gib)) OVER minutes AS disk_gib
        FROM change GROUP BY node_id, minute WINDOW minutes AS (PARTITION BY node_id ORDER BY minute)
    )
    SELECT node_id, max(vcpus) AS vcpus, max(memory_mib) AS memory_mib, max(disk_gib) AS disk_gib
    FROM level GROUP BY node_id
""")
"""The most that contracts take of each node in any minute: levels change only where a contract begins or ends."""


@dataclass(frozen=True, slots=True)
class StrategyResult:
    """All nodes of a strategy together. Utilisation is weighed by the nodes' sizes, in parts per million."""

    strategy: str
    contracts: int
    earned_micros: int
    cost_micros: int
    before_ppm: int
    after_ppm: int

    @property
    def won_back_ppm(self) -> int:
        """The share of the cost that came back."""
        return self.earned_micros * PPM // self.cost_micros


def results(nodes: Sequence[SellersNode]) -> list[StrategyResult]:
    """What every reseller tells its owner, added up."""
    told = [(node.cast, node.owner.get(f"/v1/nodes/{node.id}/reseller")["result"]) for node in nodes]
    return [_added(name, [each for each in told if each[0].strategy == name]) for name in STRATEGIES]


def off(database: Engine, nodes: Sequence[SellersNode], found: Sequence[StrategyResult]) -> list[str]:
    """Everything that is not as it must be, in sentences; empty when all is well."""
    with database.begin() as connection:
        wrong = _oversold(connection, nodes)
    books, audited = first_difference(database), audit(database, None, lambda done, total: None).difference
    wrong += [f"the books: {books}"] if books else []
    wrong += [f"the audit: {audited}"] if audited else []
    fixed, _, *learning = found
    wrong += [
        f"{each.strategy} won back {percent(each.won_back_ppm)}, no more than fixed with {percent(fixed.won_back_ppm)}"
        for each in learning
        if each.won_back_ppm <= fixed.won_back_ppm
    ]
    return wrong


def table(found: Sequence[StrategyResult]) -> list[str]:
    """The figures, in lines."""
    lines = ["strategy   contracts       earned         cost   won back   used before   used after"]
    return lines + [
        f"{each.strategy:<9} {each.contracts:>10} {_money(each.earned_micros):>12} {_money(each.cost_micros):>12}"
        f" {percent(each.won_back_ppm):>10} {percent(each.before_ppm):>13} {percent(each.after_ppm):>12}"
        for each in found
    ]


def percent(share_ppm: int) -> str:
    """The share, for people."""
    return f"{print_scaled(share_ppm // 1000, 1)} %"


def _oversold(connection: Connection, nodes: Sequence[SellersNode]) -> list[str]:
    most = {row.node_id: row for row in connection.execute(_LEVELS)}
    wrong = []
    for node in nodes:
        if (row := most.get(node.id)) is None:
            continue
        for resource in ("vcpus", "memory_mib", "disk_gib"):
            sellable = getattr(node.cast.capacity, resource) - getattr(node.cast.kept, resource)
            if (taken := getattr(row, resource)) > sellable:
                wrong.append(f"{node.cast.name} is oversold: {taken} {resource} at once, of {sellable}")
    return wrong


def _added(strategy: str, told: Sequence[tuple[NodeCast, dict[str, Any]]]) -> StrategyResult:
    size = sum(cast.slices for cast, _ in told)

    def weighed(name: str) -> int:
        return sum(int(result[name] or 0) * cast.slices for cast, result in told) // size

    return StrategyResult(
        strategy,
        sum(result["contracts"] for _, result in told),
        sum(Money.parse(result["earned"], field="earned").micros for _, result in told),
        sum(Money.parse(result["cost"], field="cost").micros for _, result in told),
        weighed("utilisation_before_ppm"),
        weighed("utilisation_after_ppm"),
    )


def _money(micros: int) -> str:
    return print_scaled(micros // 10_000, 2)
