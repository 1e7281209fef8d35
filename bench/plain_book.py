"""The least that an order book in Python can be: price, then time, no windows. It makes the plain stream.

Nothing is checked, nothing can be taken back, nothing is reported but trades.
"""

from __future__ import annotations

from bisect import bisect_left, insort


class PlainBook:
    """A sign for each side: 1 for asks, -1 for bids; a key is a price times it. Sizes by order id, in time order."""

    def __init__(self) -> None:
        self.keys: dict[int, list[int]] = {1: [], -1: []}
        self.levels: dict[int, dict[int, dict[int, int]]] = {1: {}, -1: {}}
        self.resting: dict[int, tuple[int, int]] = {}

    def enter(self, order: int, sign: int, price: int, size: int, *, rests: bool) -> list[tuple[int, int, int]]:
        """Trades, each with the id of the resting order, its price and the size."""
        trades: list[tuple[int, int, int]] = []
        keys, levels, limit = self.keys[-sign], self.levels[-sign], -sign * price
        while size and keys and keys[0] <= limit:
            filled: list[int] = []
            level = levels[keys[0]]
            for other, left in level.items():
                traded = size if size < left else left
                trades.append((other, -sign * keys[0], traded))
                size -= traded
                if traded < left:
                    level[other] = left - traded
                else:
                    filled.append(other)
                if not size:
                    break
            for other in filled:
                self._leave(other)
        if size and rests:
            key = sign * price
            if key not in self.levels[sign]:
                self.levels[sign][key] = {}
                insort(self.keys[sign], key)
            self.levels[sign][key][order] = size
            self.resting[order] = (sign, key)
        return trades

    def cancel(self, order: int) -> None:
        """The order rests, and leaves."""
        self._leave(order)

    def _leave(self, order: int) -> None:
        sign, key = self.resting.pop(order)
        level = self.levels[sign][key]
        del level[order]
        if not level:
            del self.levels[sign][key]
            del self.keys[sign][bisect_left(self.keys[sign], key)]
