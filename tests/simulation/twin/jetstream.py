"""JetStream's API, as requests on subjects: streams and consumers are made, asked for, pulled from, acknowledged."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.simulation.twin.consumers import Consumer
from tests.simulation.twin.server import Published, Server
from tests.simulation.twin.streams import Stream

_API = "$JS.API."
_ACK = "$JS.ACK."
_PAGE = 256
_IN_USE = {"code": 400, "err_code": 10058, "description": "stream name already in use with a different configuration"}
_NO_STREAM = {"code": 404, "err_code": 10059, "description": "stream not found"}
_NO_CONSUMER = {"code": 404, "err_code": 10014, "description": "consumer not found"}


class JetStream:
    """`now_ns` is real time since the Unix epoch. `loses_ack` and `reorder` are the faults that a twin can have."""

    def __init__(
        self,
        server: Server,
        now_ns: Callable[[], int],
        *,
        loses_ack: Callable[[], bool] = lambda: False,
        reorder: Callable[[list[int]], None] = lambda sequences: None,
    ) -> None:
        self.streams: dict[str, Stream] = {}
        self.consumers: dict[tuple[str, str], Consumer] = {}
        self._server = server
        self._now_ns = now_ns
        self._loses_ack = loses_ack
        self._reorder = reorder
        server.jetstream = self.take

    def take(self, message: Published) -> bool:
        """Whether the message was for JetStream."""
        if message.subject.startswith(_API):
            return self._answer(message)
        if message.subject.startswith(_ACK):
            self._acknowledge(message)
            return True
        for stream in self.streams.values():
            if stream.takes(message.subject):
                self._store(stream, message)
                return True
        return False

    def forget_everything(self) -> None:
        """The server comes back with an empty disk."""
        self.streams.clear()
        for consumer in self.consumers.values():
            consumer.close()
        self.consumers.clear()

    def _store(self, stream: Stream, message: Published) -> None:
        sequence, repeated = stream.store(message, self._now_ns())
        if message.reply:
            told = {"stream": stream.name, "seq": sequence} | ({"duplicate": True} if repeated else {})
            self._reply(message, told)
        for consumer in list(self.consumers.values()):
            if consumer.stream is stream:
                consumer.pump()

    def _acknowledge(self, message: Published) -> None:
        _js, _ack, stream, name, _deliveries, sequence, *_ = message.subject.split(".")
        consumer = self.consumers.get((stream, name))
        if consumer is not None and not self._loses_ack():
            consumer.acknowledge(int(sequence), message.payload)

    def _answer(self, message: Published) -> bool:
        """False for a pull from a consumer that is not there: nobody listens to its subject."""
        request = json.loads(message.payload) if message.payload else {}
        match message.subject.removeprefix(_API).split("."):
            case ["STREAM", "CREATE", name]:
                self._reply(message, self._create_stream(name, request))
            case ["STREAM", "UPDATE", name] if name in self.streams:
                self.streams[name].config = request
                self._reply(message, self._told(self.streams[name]))
            case ["STREAM", "INFO", name]:
                found = self.streams.get(name)
                self._reply(message, {"error": _NO_STREAM} if found is None else self._told(found))
            case ["CONSUMER", "DURABLE", "CREATE", stream, name]:
                self._reply(message, self._create_consumer(stream, name, request["config"]))
            case ["CONSUMER", "LIST", name]:
                self._reply(message, self._list(name, request.get("offset", 0)))
            case ["CONSUMER", "INFO", stream, name]:
                known = self.consumers.get((stream, name))
                self._reply(message, {"error": _NO_CONSUMER} if known is None else known.info())
            case ["CONSUMER", "DELETE", stream, name]:
                gone = self.consumers.pop((stream, name), None)
                self._reply(message, {"success": True} if gone else {"error": _NO_CONSUMER})
            case ["CONSUMER", "MSG", "NEXT", stream, name]:
                if (stream, name) not in self.consumers:
                    return False
                self.consumers[stream, name].pull(message.reply, request)
            case _:
                self._reply(message, {"error": _NO_STREAM})
        return True

    def _create_stream(self, name: str, config: dict[str, Any]) -> dict[str, Any]:
        known = self.streams.get(name)
        if known is not None and known.config != config:
            return {"error": _IN_USE}
        return self._told(self.streams.setdefault(name, Stream(name, config)))

    def _create_consumer(self, stream: str, name: str, config: dict[str, Any]) -> dict[str, Any]:
        if stream not in self.streams:
            return {"error": _NO_STREAM}
        known = self.consumers.get((stream, name))
        if known is None:
            known = Consumer(self._server, self.streams[stream], name, config, self._reorder)
            self.consumers[stream, name] = known
        known.config = config
        return known.info()

    def _list(self, stream: str, offset: int) -> dict[str, Any]:
        if stream not in self.streams:
            return {"error": _NO_STREAM}
        infos = [consumer.info() for (of, _name), consumer in sorted(self.consumers.items()) if of == stream]
        return {"total": len(infos), "offset": offset, "limit": _PAGE, "consumers": infos[offset : offset + _PAGE]}

    def _told(self, stream: Stream) -> dict[str, Any]:
        return {"config": stream.config, "created": "2026-01-01T00:00:00Z", "state": stream.state()}

    def _reply(self, message: Published, value: dict[str, Any]) -> None:
        self._server.route(Published(message.reply, "", b"", json.dumps(value).encode()))
