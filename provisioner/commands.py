"""Commands from the market, as requests on `cmd.<node>.<verb>`: `sync`, `watermark`, `resend`."""

from __future__ import annotations

import logging
from collections.abc import Callable

from common import codec
from common.errors import InvalidInput
from common.wire import CommandAnswer, Resend, Sync, Watermark
from provisioner.spool import UsageSpool
from provisioner.sync import Agreement

log = logging.getLogger(__name__)


class Commands:
    """Carries out what the market asks. `changed` is called when there may be something to reconcile or to tell."""

    def __init__(self, agreement: Agreement, usage: UsageSpool, changed: Callable[[], None]) -> None:
        self._agreement = agreement
        self._usage = usage
        self._changed = changed

    async def answer(self, verb: str, payload: bytes) -> bytes:
        """The encoded CommandAnswer; what cannot be understood is answered too."""
        try:
            answer = await self._carry_out(verb, payload)
        except InvalidInput as error:
            answer = CommandAnswer(False, str(error))
        if not answer.ok:
            log.info("command %s: %s", verb, answer.reason)
        return codec.encode(answer)

    async def _carry_out(self, verb: str, payload: bytes) -> CommandAnswer:
        match verb:
            case "sync":
                sync = codec.decode(Sync, payload, lenient=True)
                answer = await self._agreement.ask(sync)
                self._changed()
                return answer
            case "watermark":
                watermark = codec.decode(Watermark, payload, lenient=True)
                await self._usage.confirm(watermark.life, watermark.sequence)
                return CommandAnswer(True)
            case "resend":
                asked = codec.decode(Resend, payload, lenient=True)
                ok = await self._usage.resend(asked.life, asked.sequence)
                return CommandAnswer(ok, "" if ok else f"report {asked.sequence} was committed, or renumbered")
            case _:
                return CommandAnswer(False, f"this agent knows no command {verb!r}")
