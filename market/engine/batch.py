"""One batch: gather facts, apply the commands tentatively in order, write everything in one transaction, answer.

Only this file changes the engine's memory and the database together; either both change, or neither.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from billing import contracts as billing_contracts
from billing.ledger import FloorBroken
from common import fault_points
from common.clock import MarketClock
from common.errors import InvalidInput, NestexError
from market.contract_states import CONTRACT_FEED
from market.engine import fence as fencing
from market.engine.batch_run import BatchRun, problem_of
from market.engine.commands import Answer, Command, EndContract, PlaceAsk, Placement, RescaleContract
from market.engine.contract_acts import act
from market.engine.facts import Facts, gather
from market.engine.fence import Fence, Fenced
from market.engine.growing import link
from market.engine.hand_over import NothingLeft, deliver, hand_over
from market.engine.state import EngineState
from market.engine.writes import write
from matching.journal import JournalBlock
from runtime import feed
from runtime.database import DEADLOCK
from runtime.driver import Pipe
from runtime.feed import FeedEvent

log = logging.getLogger("nestex.engine")

_APPLYING_SECONDS = 0.005
"""A batch is capped by the work that applying it takes; what is left comes in the next transaction. Not by the time:
where the machine is busy, small transactions would make it busier."""
_ATTEMPTS = 3
"""After so many attempts that lost a race for cash or a lock, the cash rows are locked before the facts are read."""


_ALONE = (EndContract, RescaleContract)
"""What is done to contracts has a transaction of its own."""


class _TakenBack(Exception):
    """A preview was made in a transaction that must not be: this is its answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer)
        self.answer = answer


class BatchProcessor:
    """The engine's memory, its fence, and the way from commands to answers."""

    def __init__(
        self, database: Engine, clock: MarketClock, state: EngineState, fence: Fence, *, lease_seconds: float
    ) -> None:
        self.database = database
        self.clock = clock
        self.state = state
        self.fence = fence
        self.next_sequence = fence.next_sequence
        self.last_at_micros = fence.last_at_micros
        self.lease_seconds = lease_seconds

    def process(self, commands: Sequence[Command]) -> list[Answer]:
        """An answer for each command, in order, all of them committed.

        Raises Fenced when another engine has taken over, DBAPIError when the database fails: then the rest has not
        changed anything, or the callers learn the outcome by asking again.
        """
        answers: list[Answer] = []
        while len(answers) < len(commands):
            answers += self._transaction(_together(commands[len(answers) :]))
        return answers

    def _transaction(self, commands: Sequence[Command]) -> list[Answer]:
        """Answers to the first of these commands, committed in one transaction, however often it takes."""
        for attempt in range(_ATTEMPTS):
            try:
                return self._attempt_sound(commands, lock_cash=attempt == _ATTEMPTS - 1)
            except FloorBroken:
                log.info("another shard has spent cash that this batch counted on: again with fresh figures")
            except (DataError, IntegrityError, NestexError) as error:
                if isinstance(error, NestexError) and isinstance(commands[0], _ALONE):
                    return [Answer(problem=problem_of(error))]
                log.warning("a batch of %d commands cannot be written: %s", len(commands), _in_short(error))
                return self._first_alone(commands)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) != DEADLOCK:
                    raise
        return self._attempt_sound(commands, lock_cash=True)

    def _attempt_sound(self, commands: Sequence[Command], *, lock_cash: bool) -> list[Answer]:
        """The attempt, again without each ask that sells the rest of a contract which has failed meanwhile. A preview
        is answered, and has not happened."""
        while True:
            try:
                return self._attempt(commands, lock_cash=lock_cash)
            except _TakenBack as preview:
                return [preview.answer]
            except NothingLeft as lost:
                self._attempt(lost.cancels, lock_cash=lock_cash)

    def _first_alone(self, commands: Sequence[Command]) -> list[Answer]:
        """The first command by itself, so that one that cannot be written is refused alone. On fresh facts, it may also
        turn out to be known: another zone's engine has entered its client_order_id in between."""
        try:
            return self._attempt_sound(commands[:1], lock_cash=True)
        except NestexError as error:
            return [Answer(problem=problem_of(error))]
        except (DataError, IntegrityError):
            return [Answer(problem=problem_of(InvalidInput("invalid_field", "a value of the order cannot be kept")))]

    def renew(self) -> None:
        """Keep the lease while nothing else happens. Raises Fenced."""
        with self.database.begin() as connection:
            fencing.renew(connection, self.fence, self.lease_seconds)

    def _attempt(self, commands: Sequence[Command], *, lock_cash: bool) -> list[Answer]:
        at_micros = max(self.clock.now_micros(), self.last_at_micros)
        first = self.next_sequence
        mark = self.state.mark()
        try:
            with self.database.begin() as connection:
                alone = commands[0]
                if isinstance(alone, EndContract | RescaleContract):
                    run = BatchRun(self.state, self.fence.shard, first, at_micros, Facts())
                    answers = [self._act(connection, run, first, alone)]
                else:
                    entering, named = self.state.needs(commands)
                    if lock_cash:
                        self._lock_before_cash(connection, entering)
                    facts = gather(connection, self.fence.shard, entering, named, lock_cash=lock_cash)
                    fault_points.reach("engine.gathered")
                    run = BatchRun(self.state, self.fence.shard, first, at_micros, facts)
                    answers = self._apply(run, commands)
                    self._write_all(connection, run, first)
        except Exception as error:
            if not self._is_committed(error, first):
                self.state.take_back(mark)
                self._must_be_ours(error)
                raise
        fault_points.reach("engine.committed")
        self.state.forget()
        self.next_sequence += len(run.journaled)
        if run.journaled:
            self.last_at_micros = at_micros
        return answers

    def _lock_before_cash(self, connection: Connection, entering: Sequence[Placement]) -> None:
        """What a batch may lock besides cash, in the order of all: the lease, then the contracts whose rest it may
        sell."""
        fencing.renew(connection, self.fence, self.lease_seconds)
        coming = {ask.contract for ask in entering if isinstance(ask, PlaceAsk) and ask.contract is not None}
        for name in sorted(self.state.open.offered() | coming):
            billing_contracts.hold(connection, name)

    def _act(self, connection: Connection, run: BatchRun, first: int, command: EndContract | RescaleContract) -> Answer:
        """What is done to a contract. The lease is locked first, as in every batch, then the contracts, then the
        accounts. Raises _TakenBack for a preview."""
        fencing.renew(connection, self.fence, self.lease_seconds)
        acted = act(connection, run, command)
        if command.preview:
            raise _TakenBack(acted.answer)
        if run.journaled:
            self._write_resold(connection, run, first, acted.told)
        if acted.bought is not None:
            link(connection, acted.bought)
        return acted.answer

    def _write_all(self, connection: Connection, run: BatchRun, first: int) -> None:
        """What the batch has done. Raises NothingLeft when it has sold what is no longer there."""
        if run.effects.resold():
            fencing.renew(connection, self.fence, self.lease_seconds)
            self._write_resold(connection, run, first, [])
        elif run.journaled:
            self._write(connection, run, first)
            fault_points.reach("engine.written")
        else:
            fencing.check(connection, self.fence)

    def _write_resold(self, connection: Connection, run: BatchRun, first: int, told: Sequence[FeedEvent]) -> None:
        """The same with what becomes of contracts whose rest was sold, behind the lease's lock, and with what else the
        feed tells of contracts."""
        resold = run.effects.resold()
        handed_over = hand_over(connection, resold, run.at_micros)
        self._write(connection, run, first)
        deliver(connection, resold)
        feed.append(connection, CONTRACT_FEED, [*told, *handed_over])
        fault_points.reach("engine.written")

    def _write(self, connection: Connection, run: BatchRun, first: int) -> None:
        pipe, count = Pipe(connection), len(run.journaled)
        claim = fencing.put_claim(pipe, self.fence, count, run.at_micros, self.lease_seconds)
        write(pipe, JournalBlock(self.fence.shard, first, tuple(run.journaled)), run.effects)
        if fencing.first_claimed(claim, self.fence, count) != first:
            raise AssertionError("the fence and the engine's memory disagree")

    def _apply(self, run: BatchRun, commands: Sequence[Command]) -> list[Answer]:
        """Answers to the first of the commands, at least one: as many as the time for applying allows."""
        until = self.clock.real.working() + _APPLYING_SECONDS
        answers = []
        for command in commands:
            answers.append(run.answer(command))
            if self.clock.real.working() > until:
                break
        return answers

    def _is_committed(self, error: Exception, first_sequence: int) -> bool:
        """Whether the batch is in the journal although its commit raised: a lost connection says nothing of the
        outcome."""
        if not (isinstance(error, DBAPIError) and error.connection_invalidated):
            return False
        with self.database.begin() as connection:
            return fencing.was_committed(connection, self.fence, first_sequence)

    def _must_be_ours(self, error: Exception) -> None:
        """Raises Fenced where what looks like a fault of ours is that of an engine that was taken over: the books go on
        without it, and its memory contradicts them. All other errors come to the fence by being tried again."""
        if isinstance(error, DBAPIError | NestexError | Fenced | _TakenBack):
            return
        with self.database.begin() as connection:
            fencing.check(connection, self.fence)


def _together(commands: Sequence[Command]) -> Sequence[Command]:
    """The first of the commands that may share a transaction: the end of a contract has one of its own."""
    if isinstance(commands[0], _ALONE):
        return commands[:1]
    ends = (place for place, command in enumerate(commands) if isinstance(command, _ALONE))
    return commands[: next(ends, len(commands))]


def _in_short(error: Exception) -> str:
    """For the log: PostgreSQL's details quote the row, and with it what buyers put into their guests."""
    if isinstance(error, DBAPIError) and isinstance(error.orig, psycopg.Error):
        return f"{type(error.orig).__name__}: {error.orig.diag.message_primary}"
    return str(error)
