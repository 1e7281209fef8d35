"""Contracts that are delivered by the guest of another one: what is reported for that one counts for them too.

So running totals, settlement, documents and the books check need no special case. Each contract has minutes of its own,
which its own buyer may dispute. Contracts may follow each other in a chain.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, insert, or_, select

from billing.admission import MinuteRecord
from billing.tables import delivered_by
from runtime.arrays import among


@dataclass(frozen=True, slots=True)
class Delivery:
    """In minutes [from_minute, until_minute), what is recorded for `by_contract_id` is recorded for `contract_id`."""

    contract_id: str
    by_contract_id: str
    from_minute: int
    until_minute: int

    def covers(self, minute: int) -> bool:
        """Whether the minute is one of them."""
        return self.from_minute <= minute < self.until_minute


class Deliveries:
    """All deliveries that lead from certain contracts to others, or to certain contracts."""

    def __init__(self, found: Iterable[Delivery]) -> None:
        self._by: dict[str, list[Delivery]] = defaultdict(list)
        self._of: dict[str, list[Delivery]] = defaultdict(list)
        for delivery in found:
            self._by[delivery.by_contract_id].append(delivery)
            self._of[delivery.contract_id].append(delivery)

    def contracts(self) -> set[str]:
        """Every contract that they lead to."""
        return set(self._of)

    def also_for(self, record: MinuteRecord) -> Iterator[MinuteRecord]:
        """The record as it counts for those that its contract delivers at once, not for those behind them."""
        for delivery in self._by.get(record.contract_id, ()):
            if delivery.covers(record.minute):
                yield record._replace(contract_id=delivery.contract_id)

    def delivers(self, record: MinuteRecord) -> bool:
        """Whether another contract's guest delivers this one in that minute."""
        return any(delivery.covers(record.minute) for delivery in self._of.get(record.contract_id, ()))


def deliver(connection: Connection, deliveries: Sequence[Delivery]) -> None:
    """Let contracts deliver others from minutes to come on. At no minute has a contract two that deliver it."""
    if deliveries:
        connection.execute(insert(delivered_by), [asdict(delivery) for delivery in deliveries])


def end(connection: Connection, by_contract_id: str, minute: int) -> None:
    """From this minute on, one to come, the contract delivers no other."""
    columns = delivered_by.c
    of_it = columns.by_contract_id == by_contract_id
    connection.execute(delivered_by.delete().where(of_it, columns.from_minute >= minute))
    cut = delivered_by.update().where(of_it, columns.until_minute > minute)
    connection.execute(cut.values(until_minute=minute))


def end_of(connection: Connection, contract_id: str, minute: int) -> None:
    """From this minute on nothing delivers the contract any more."""
    columns = delivered_by.c
    of_it = columns.contract_id == contract_id
    connection.execute(delivered_by.delete().where(of_it, columns.from_minute >= minute))
    cut = delivered_by.update().where(of_it, columns.until_minute > minute)
    connection.execute(cut.values(until_minute=minute))


def around(connection: Connection, contracts: Sequence[str]) -> Deliveries:
    """Those by the contracts, those by whom these deliver and so on, and those of the contracts themselves."""
    columns = [delivered_by.c[name] for name in Delivery.__dataclass_fields__]
    touching = or_(among(delivered_by.c.by_contract_id, contracts), among(delivered_by.c.contract_id, contracts))
    reached = select(*columns).where(touching).cte("reached", recursive=True)
    further = select(*columns).join(reached, reached.c.contract_id == delivered_by.c.by_contract_id)
    return Deliveries(Delivery(*row) for row in connection.execute(select(reached.union(further))))
