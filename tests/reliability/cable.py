"""The line between agents and the bus, as a proxy that a test can cut and mend; connections are reset by the cut."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

from nestex.stack.ports import LOOPBACK


class Cable:
    """A TCP proxy in a thread of its own. `target` is where it leads, as host and port."""

    def __init__(self, address: str = LOOPBACK) -> None:
        """It listens at this address of the machine."""
        self._address = address
        self.target: tuple[str, int] | None = None
        self._cut = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        self.url = f"nats://{address}:{self._server.sockets[0].getsockname()[1]}"

    def cut(self) -> None:
        """Break every connection, and let none through."""
        self._cut = True
        asyncio.run_coroutine_threadsafe(self._break(), self._loop).result()

    def mend(self) -> None:
        """Let connections through again."""
        self._cut = False

    def close(self) -> None:
        """End the proxy and its thread."""
        self._loop.call_soon_threadsafe(self._server.close)
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._connected, self._address, 0)

    async def _break(self) -> None:
        for writer in list(self._writers):
            writer.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut or self.target is None:
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_connection(*self.target)
        both = {writer, far_writer}
        self._writers |= both
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        self._writers -= both


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
