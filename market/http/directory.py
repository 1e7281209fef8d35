"""The instruments that exist, remembered: they are never taken away, so an order need not ask the database for its
own."""

from __future__ import annotations

import asyncio

from sqlalchemy import Engine

from market.instruments.instruments import get_instrument


class InstrumentDirectory:
    """Codes that have been seen in the database."""

    def __init__(self, database: Engine) -> None:
        self._database = database
        self._known: set[str] = set()

    def check(self, code: str) -> None:
        """Raises NotFound."""
        if code not in self._known:
            with self._database.begin() as connection:
                get_instrument(connection, code)
            self._known.add(code)

    async def expect(self, code: str) -> None:
        """The same for a coroutine. Raises NotFound. A thread is asked for a code only that was not seen before."""
        if code not in self._known:
            await asyncio.to_thread(self.check, code)
