"""Turns of resellers: who is due, what each does about its node, and how it survives to die in the middle.

A turn is decided on one moment of the database and noted, with its commands, before the engine hears of them; the note
goes when the engine's answer is known. A worker that finds a note sends its commands again: asks carry a
client_order_id of their own minute, amendments a revision, and to cancel twice is no error, so nothing happens twice.
A turn is noted only over the state that it was decided on, once for each market minute: that makes it one change per
minute and node, whoever else works.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Row, bindparam, or_, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DataError, IntegrityError

from common import codec
from market.engine.command_json import command_from_json
from market.engine.commands import Answer, Command
from market.reseller.decide import Decision, decide, withdraw
from market.reseller.keep import OFF, ON, STOPPING, Kept, kept_of
from market.reseller.read_view import see
from market.reseller.settings import Refusal
from market.reseller.view import Seen
from market.tables import node, reseller

log = logging.getLogger("nestex.reseller")

_Made = TypeVar("_Made")

_RACES = ("revision_mismatch", "state_forbids", "not_found")
"""What the engine says when the order was filled, expired or canceled in the meantime: the next turn sees it."""

_NOTE_ALL = text("""
    UPDATE reseller SET state = turn.state, turn_minute = turn.turn_minute, memory = turn.memory, said = turn.said,
        pending = turn.pending
    FROM jsonb_to_recordset(:turns) AS turn (node_id text, version integer, old_minute integer, old_state text,
        state text, turn_minute integer, memory jsonb, said jsonb, pending jsonb)
    WHERE reseller.node_id = turn.node_id AND reseller.version = turn.version AND reseller.state = turn.old_state
        AND reseller.turn_minute = turn.old_minute AND reseller.pending IS NULL
    RETURNING reseller.node_id
""").bindparams(bindparam("turns", type_=JSONB))


@dataclass(frozen=True, slots=True)
class Turn:
    """Commands for a node's engine, which have been noted. `number` tells this note from later ones."""

    node: str
    shard: str
    number: str
    commands: tuple[Command, ...]


def due(connection: Connection, minute: int, after: str, limit: int) -> list[str]:
    """Up to `limit` nodes with ids above `after` whose resellers have something to do in this minute."""
    columns = reseller.c
    unfinished = or_(columns.pending.is_not(None), columns.state == STOPPING)
    on = (columns.state == ON) & (columns.turn_minute < minute)
    query = select(columns.node_id).where(columns.node_id > after, or_(unfinished, on))
    return list(connection.execute(query.order_by(columns.node_id).limit(limit)).scalars())


def begin_turns(database: Engine, nodes: Sequence[str], minute: int) -> list[Turn]:
    """Decide for these nodes, and note it; with what was noted before and has no answer yet. A node for which that
    cannot be done holds up no other."""
    with database.connect().execution_options(isolation_level="REPEATABLE READ") as connection, connection.begin():
        rows = connection.execute(
            select(reseller, node.c.zone)
            .join(node, node.c.id == reseller.c.node_id)
            .where(reseller.c.node_id.in_(nodes))
        ).all()
        fresh = [row for row in rows if row.pending is None]
        free = {row.node_id: kept for row in fresh if (kept := _tried(row, lambda row: kept_of(row._mapping)))}
        seen = see(connection, {key: (kept.settings, kept.memory) for key, kept in free.items()}, minute)
    known = (row for row in fresh if row.node_id in free)
    decided = [_tried(row, lambda row: _decide(row, free[row.node_id], seen[row.node_id])) for row in known]
    notes = list(filter(None, decided))
    noted = _note_all(database, [note for _, note in notes])
    again = [turn for row in rows if row.pending is not None and (turn := _tried(row, _noted))]
    return again + [turn for turn, _ in notes if turn.node in noted and turn.commands]


def end_turn(connection: Connection, turn: Turn, answers: Sequence[Answer], minute: int) -> None:
    """The engine has answered: the note goes, and a refusal is remembered."""
    is_noted = (reseller.c.node_id == turn.node) & (reseller.c.pending["number"].as_string() == turn.number)
    row = connection.execute(select(reseller).where(is_noted).with_for_update()).mappings().one_or_none()
    if row is None:
        return  # somebody else has heard the answer
    values: dict[str, Any] = {"pending": None}
    problems = [answer.problem for answer in answers if answer.problem is not None]
    refused = [problem for problem in problems if problem.code not in _RACES]
    if refused:
        refusal = Refusal(minute, refused[0].code, refused[0].message)
        values["memory"] = codec.to_json(dataclasses.replace(kept_of(row).memory, refusal=refusal))
        values["said"] = [*row["said"], f"The market refused it: {refusal.message}."]
    connection.execute(reseller.update().where(is_noted).values(values))


def _tried(row: Row[Any], step: Callable[[Row[Any]], _Made]) -> _Made | None:
    """What comes of it; None where it fails, which is told, and tried again with the next look."""
    try:
        return step(row)
    except Exception:
        log.exception("the reseller of %s cannot take its turn and will try again", row.node_id)
        return None


def _decide(row: Row[Any], kept: Kept, seen: Seen) -> tuple[Turn, dict[str, Any]]:
    """The turn, and what is to be noted of it, if nothing has changed meanwhile."""
    state, decision = _decided(kept, seen)
    turn = Turn(kept.node, row.zone, f"{row.version}.{seen.minute}.{len(decision.commands)}", decision.commands)
    note = {
        "node_id": kept.node,
        "version": row.version,
        "old_minute": row.turn_minute,
        "old_state": row.state,
        "state": state,
        "turn_minute": seen.minute,
        "memory": codec.to_json(decision.memory),
        "said": list(decision.sentences),
        "pending": _note(turn) if turn.commands else None,
    }
    return turn, note


def _note_all(database: Engine, notes: list[dict[str, Any]]) -> set[str]:
    """The nodes whose turns stand: the others were changed by somebody else, or cannot be written. One statement and
    one commit for all, for every node takes its turn in the same minute; where that fails, one each."""
    if not notes:
        return set()
    try:
        with database.begin() as connection:
            return set(connection.execute(_NOTE_ALL, {"turns": notes}).scalars())
    except (DataError, IntegrityError):
        if len(notes) == 1:
            log.exception("the turn of the reseller of %s cannot be noted and will be tried again", notes[0]["node_id"])
            return set()
    return set().union(*(_note_all(database, [note]) for note in notes))


def _decided(kept: Kept, seen: Seen) -> tuple[str, Decision]:
    """The state after the turn, and what is done in it."""
    over = seen.minute + 1 >= min(seen.settings.until, seen.view.reserved_until)
    if kept.state == ON and not over:
        return ON, decide(seen)
    leaving = withdraw(seen.view.own_asks, seen.view.participant)
    why = "The time until which you wanted to sell is over" if kept.state == ON else "You have switched it off"
    told = f"{why}: {len(leaving)} offers leave the book; what is sold stays sold."
    return (STOPPING if leaving else OFF), Decision(leaving, (told,), seen.memory)


def _note(turn: Turn) -> dict[str, Any]:
    return {"number": turn.number, "commands": [codec.to_json(command) for command in turn.commands]}


def _noted(row: Row[Any]) -> Turn:
    commands = tuple(command_from_json(command) for command in row.pending["commands"])
    return Turn(row.node_id, row.zone, row.pending["number"], commands)
