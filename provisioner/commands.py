"""Commands from the market, as requests on `cmd.<node>.<verb>`: `sync`, `watermark`, `resend`, `retell`, and the
queries."""

from __future__ import annotations

import logging
from collections.abc import Callable

from common import codec
from common.agent_commands import CommandAnswer, Resend, Retell, Sync, Watermark
from common.errors import InvalidInput, Unavailable
from common.questions import Question
from provisioner.queries import Answer, Queries
from provisioner.spool import StatusSpool, UsageSpool
from provisioner.sync import Agreement

log = logging.getLogger(__name__)


class Commands:
    """Carries out what the market asks. `changed` is called when there may be something to reconcile or to tell."""

    def __init__(
        self,
        agreement: Agreement,
        statuses: StatusSpool,
        usage: UsageSpool,
        queries: Queries,
        changed: Callable[[], None],
    ) -> None:
        self._agreement = agreement
        self._statuses = statuses
        self._usage = usage
        self._queries = queries
        self._changed = changed

    async def answer(self, verb: str, payload: bytes) -> bytes:
        """The encoded CommandAnswer, or the query's own; what cannot be understood is answered too."""
        answer: CommandAnswer | Answer
        try:
            answer = await self._query(verb, payload) or await self._carry_out(verb, payload)
        except (InvalidInput, Unavailable) as error:
            answer = CommandAnswer(False, str(error))
        if not answer.ok:
            log.info("command %s: %s", verb, answer.reason)
        return codec.encode(answer)

    async def _query(self, verb: str, payload: bytes) -> Answer | None:
        """None for a verb that is none."""
        if verb not in ("guest", "console", "snapshots", "node"):
            return None
        contract = codec.decode(Question, payload, lenient=True).contract
        match verb:
            case "guest":
                return await self._queries.guest(contract)
            case "console":
                return await self._queries.console(contract)
            case "snapshots":
                return await self._queries.snapshots(contract)
            case _:
                return await self._queries.node()

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
            case "retell":
                await self._statuses.tell_again(codec.decode(Retell, payload, lenient=True).contracts)
                return CommandAnswer(True)
            case _:
                return CommandAnswer(False, f"this agent knows no command {verb!r}")
