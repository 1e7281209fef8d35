"""The open orders of a shard, by id and by participant. Every change can be taken back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from market.engine.records import AskRecord, OrderRecord


class OpenOrders(Mapping[str, OrderRecord]):
    """Order id -> the order as it stands. Changed by `put` and `remove` alone."""

    def __init__(self, records: Iterable[OrderRecord] = ()) -> None:
        self._records: dict[str, OrderRecord] = {}
        self._owned: dict[str, dict[str, None]] = {}
        self._offering: dict[str, str] = {}
        self._undo: list[tuple[str, OrderRecord | None]] = []
        for record in records:
            self._put(record)

    def __getitem__(self, order: str) -> OrderRecord:
        return self._records[order]

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def of(self, participant: str) -> list[OrderRecord]:
        """The participant's open orders, in the order of their entry."""
        found = [self._records[order] for order in self._owned.get(participant, ())]
        return sorted(found, key=lambda record: record.entered.sequence)

    def count(self, participant: str) -> int:
        """How many orders the participant has open."""
        return len(self._owned.get(participant, ()))

    def offering(self, contract: str) -> OrderRecord | None:
        """The ask that offers the rest of the contract."""
        return self._records.get(self._offering.get(contract, ""))

    def offered(self) -> set[str]:
        """The contracts whose rest is offered."""
        return set(self._offering)

    def put(self, record: OrderRecord) -> None:
        """An order entered, or changed."""
        self._undo.append((record.id, self._records.get(record.id)))
        self._put(record)

    def remove(self, record: OrderRecord) -> None:
        """An open order is done."""
        self._undo.append((record.id, record))
        self._remove(record)

    def mark(self) -> int:
        """A point to which `take_back` can return, until the next `forget`."""
        return len(self._undo)

    def take_back(self, mark: int) -> None:
        """Undo everything since the mark."""
        while len(self._undo) > mark:
            order, before = self._undo.pop()
            if before is not None:
                self._put(before)
            elif order in self._records:
                self._remove(self._records[order])

    def forget(self) -> None:
        """Everything so far is final."""
        self._undo.clear()

    def _put(self, record: OrderRecord) -> None:
        self._records[record.id] = record
        self._owned.setdefault(record.participant, {})[record.id] = None
        if isinstance(record, AskRecord) and record.ask.contract is not None:
            self._offering[record.ask.contract] = record.id

    def _remove(self, record: OrderRecord) -> None:
        del self._records[record.id]
        if isinstance(record, AskRecord) and record.ask.contract is not None:
            del self._offering[record.ask.contract]
        owned = self._owned[record.participant]
        del owned[record.id]
        if not owned:
            del self._owned[record.participant]
