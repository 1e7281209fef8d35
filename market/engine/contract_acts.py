"""What is done to contracts in a transaction of its own: they end, with all that share a guest, or its size changes.

Stands between the batch (`market.engine.batch`), which holds the lease and writes what the run has done, and the files
that know one thing each: `endings`, `replacement`, `growing`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from common.errors import Conflict
from market import chain, grown
from market.engine.batch_run import BatchRun
from market.engine.chain_endings import end_in_chain
from market.engine.commands import Answer, EndContract, RescaleContract
from market.engine.ended import Ended, divide_all, in_all
from market.engine.endings import end_contract
from market.engine.growing import rescale
from market.engine.records import ContractRecord
from market.engine.replacement import replace
from runtime.feed import FeedEvent


@dataclass(frozen=True, slots=True)
class Acted:
    """The answer, what the feed tells, and a contract that was bought for a guest that grows."""

    answer: Answer
    told: tuple[FeedEvent, ...] = ()
    bought: ContractRecord | None = None


def act(connection: Connection, run: BatchRun, command: EndContract | RescaleContract) -> Acted:
    """Do it in the run's books and the transaction, all but the rows that follow from the run. Raises NestexError: then
    all of it has to be taken back."""
    members = chain.hold(connection, command.contract)
    grown.hold_with_grown(connection, command.contract)
    if isinstance(command, RescaleContract):
        return _rescale(connection, run, command, members)
    run.withdraw(members)
    if len(members) > 1:
        return _end_chain(connection, run, command, members)
    return _end(connection, run, command)


def _end_chain(connection: Connection, run: BatchRun, command: EndContract, members: Sequence[str]) -> Acted:
    """The answer tells of the contract that was named."""
    ways = run.state.shard.cheapest_ask, partial(replace, connection, run)
    ended, told = end_in_chain(connection, run.shard, command, run.at_micros, *ways, members)
    run.end(ended)
    outcomes = divide_all(connection, run.effects, ended)
    named = next(place for place, each in enumerate(ended) if each.free.contract == command.contract)
    answer = Answer(ended=dataclasses.asdict(outcomes[named]))
    return Acted(answer, (*(each.told for each in ended), *told))


def _end(connection: Connection, run: BatchRun, command: EndContract) -> Acted:
    """Those that made its guest larger end before it does."""
    others = [row["id"] for row in reversed(grown.ending_with(connection, command.contract))]
    ended = [_end_one(connection, run, command, name) for name in (*others, command.contract)]
    outcomes = divide_all(connection, run.effects, ended)
    return Acted(Answer(ended=dataclasses.asdict(in_all(outcomes))), tuple(each.told for each in ended))


def _rescale(connection: Connection, run: BatchRun, command: RescaleContract, members: Sequence[str]) -> Acted:
    if len(members) > 1 or run.state.open.offering(command.contract) is not None:
        raise Conflict("state_forbids", "what is sold on, or offered so, is not rescaled", field="contract")
    rescaled = rescale(connection, run, command)
    release = EndContract(command.contract, "release", command.participant)
    ended = [_end_one(connection, run, release, name) for name in rescaled.released]
    answer = rescaled.answer
    if ended:
        outcomes = divide_all(connection, run.effects, ended)
        answer = dataclasses.replace(answer, ended=dataclasses.asdict(in_all(outcomes)))
    return Acted(answer, tuple(each.told for each in ended), rescaled.bought)


def _end_one(connection: Connection, run: BatchRun, command: EndContract, name: str) -> Ended:
    of_it = dataclasses.replace(command, contract=name)
    cheapest_ask, replacing = run.state.shard.cheapest_ask, partial(replace, connection, run)
    alone = name == command.contract
    ended = end_contract(connection, run.shard, of_it, run.at_micros, cheapest_ask, replacing, alone=alone)
    run.end([ended])
    return ended
