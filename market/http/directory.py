"""The instruments that exist, remembered: they are never taken away, so an order need not ask the database for its
own."""

from __future__ import annotations

import asyncio

from sqlalchemy import Engine

from market.instruments.instruments import existing_codes, get_instrument


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

    def known(self, codes: set[str]) -> set[str]:
        """Those of the codes that exist, asked for in one statement."""
        if unseen := codes - self._known:
            with self._database.begin() as connection:
                self._known |= existing_codes(connection, unseen)
        return codes & self._known

    async def expect(self, code: str) -> None:
        """The same for a coroutine. Raises NotFound. A thread is asked for a code only that was not seen before."""
        if code not in self._known:
            await asyncio.to_thread(self.check, code)
