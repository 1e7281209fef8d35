"""No batch size, failed commit or restart changes a result: the same commands end in the same feed, rows and state."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from market.engine.batch import BatchProcessor
from market.engine.commands import AmendOrder, CancelAll, CancelOrder, Command, Expire
from nestex.audit.market import audit
from nestex.books import first_difference
from runtime.database import connect
from tests.market.factories import HandClock, World

STEPS = 12
COMMANDS_OF_A_STEP = 8
TABLES = ("feed", "trade", "orders", "contract", "billable_contract", "ledger_account", "ledger_entry", "outbox")
LEFT_OUT = {"created_at", "published_at", "transfer_id"}
"""What the database stamps by its own clock and counters."""
IN_A_BATCH = {"ledger_entry": {"ordinal"}}
"""Places inside a batch."""

Step = tuple[int, list[Command]]
"""Minutes that pass, and the commands that come then."""


@pytest.mark.parametrize("seed", range(3))
def test_batches_failures_and_restarts_change_nothing(world: World, seed: int) -> None:
    steps = list(_steps(world, random.Random(seed)))  # noqa: S311  # a seeded history, no secret
    start = world.real.micros
    with _copies(world, 3) as (single, batched, failing):
        wholes = [
            _run(single, start, steps, size=1),
            _run(batched, start, steps, size=COMMANDS_OF_A_STEP),
            _run(failing, start, steps, size=3, fails=random.Random(seed)),  # noqa: S311  # see above
        ]
        assert wholes[0]["trade"], "a history without a trade proves nothing"
        for table in ("state", "open", *TABLES):
            assert wholes[0][table] == wholes[1][table] == wholes[2][table], table


def _steps(world: World, draw: random.Random) -> Iterator[Step]:
    providers = [world.provider(3_000_000) for _ in range(2)]
    nodes = {provider: world.node(provider, vcpus=6) for provider in providers}
    parties = [*providers, *(world.participant(400_000) for _ in range(3))]
    made: list[Command] = []
    for _ in range(STEPS):
        commands: list[Command] = []
        for _ in range(COMMANDS_OF_A_STEP):
            command = _command(world, draw, providers, nodes, parties, made)
            commands.append(command)
            made.append(command)
        yield draw.choice((0, 0, 1, 7)), commands


def _command(
    world: World, draw: random.Random, providers: list[str], nodes: dict[str, str], parties: list[str], made: list[Any]
) -> Command:
    placed = [command for command in made if hasattr(command, "price_micros") and hasattr(command, "instrument")]
    kind = draw.random()
    if placed and kind < 0.15:
        known = draw.choice(placed)
        return CancelOrder(known.order, known.participant)
    if placed and kind < 0.35:
        known = draw.choice(placed)
        changes = ({"price_micros": draw.randint(90, 160)}, {"guests": 1}, {"slices": draw.randint(1, 3)})
        change: Any = draw.choice(changes)
        return AmendOrder(known.order, known.participant, draw.choice((1, 1, 2)), **change)
    if kind < 0.38:
        return draw.choice((CancelAll(draw.choice(parties)), Expire()))
    shared: dict[str, Any] = {
        "price_micros": draw.randint(90, 160),
        "time_in_force": draw.choice(("gtc", "gtc", "gtd", "ioc", "fok")),
        "expires_at": world.minute + draw.randint(1, 30),
        "post_only": draw.random() < 0.1,
        "self_trade_prevention": draw.choice(("cancel_taker", "cancel_maker", "cancel_both")),
    }
    if kind < 0.6:
        owner = draw.choice(providers)
        return world.ask(owner, nodes[owner], slices=draw.randint(1, 5), min_minutes=draw.randint(1, 12), **shared)
    return world.bid(
        draw.choice(parties),
        guests=draw.randint(1, 3),
        slices_per_guest=draw.randint(1, 2),
        duration_minutes=draw.randint(2, 20),
        start_by=world.minute + draw.randint(1, 40),
        client_order_id=draw.choice((None, None, f"name-{draw.randint(1, 30)}")),
        **shared,
    )


@contextmanager
def _copies(world: World, count: int) -> Iterator[list[World]]:
    """The same market so many times, each in a database of its own."""
    world.database.dispose()
    url = world.database.url.render_as_string(hide_password=False)
    source, names = url.rpartition("/")[2], []
    plain = url.replace("postgresql+psycopg", "postgresql")
    server = plain.rpartition("/")[0]
    engines = []
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        try:
            for number in range(count):
                names.append(f"{source}_{number}")
                parts = sql.Identifier(names[-1]), sql.Identifier(source)
                connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*parts))
                engines.append(connect(f"{server}/{names[-1]}", application="test"))
            yield [World(engine) for engine in engines]
        finally:
            for engine in engines:
                engine.dispose()
            for name in names:
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _run(
    world: World, start: int, steps: list[Step], *, size: int, fails: random.Random | None = None
) -> dict[str, Any]:
    """All that is left after the steps, in batches of this size. With `fails`, some commits fail, and some engines are
    replaced."""
    world.real = HandClock(start)
    engine = world.engine("engine 0")
    if fails is not None:
        _make_commits_fail_on_demand(world)
    failures = 0
    for number, (minutes, commands) in enumerate(steps):
        world.real.pass_minutes(minutes)
        for first in range(0, len(commands), size):
            batch = commands[first : first + size]
            if fails is not None and fails.random() < 0.4:
                failures += _fail_once(world, engine, batch)
            if fails is not None and fails.random() < 0.2:
                engine = world.engine(f"engine {number}.{first}")
            engine.process(batch)
    assert (failures > 0) == (fails is not None)
    assert first_difference(world.database) is None
    assert audit(world.database, None, lambda done, total: None).difference is None
    recovered = world.engine("recovered").state
    assert recovered.shard.state_hash() == engine.state.shard.state_hash()
    assert recovered.open == engine.state.open
    left: dict[str, Any] = {"state": engine.state.shard.state_hash(), "open": engine.state.open}
    return left | {table: _rows(world, table) for table in TABLES}


def _make_commits_fail_on_demand(world: World) -> None:
    """A constraint that is checked at the commit, when everything has been written."""
    with world.begin() as connection:
        connection.execute(text("CREATE TABLE fault (on_commit boolean)"))
        connection.execute(
            text(
                "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                " IF EXISTS (SELECT FROM fault) THEN RAISE EXCEPTION 'injected'; END IF; RETURN NULL; END $$"
            )
        )
        connection.execute(
            text(
                "CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON journal DEFERRABLE INITIALLY DEFERRED"
                " FOR EACH ROW EXECUTE FUNCTION fail()"
            )
        )


def _fail_once(world: World, engine: BatchProcessor, batch: list[Command]) -> bool:
    """Whether the commit failed: a batch that changes nothing has nothing to commit."""
    before, sequence = engine.state.shard.state_hash(), engine.next_sequence
    with world.begin() as connection:
        connection.execute(text("INSERT INTO fault VALUES (true)"))
    try:
        engine.process(batch)
        failed = False
    except DBAPIError:
        failed = True
    assert (engine.state.shard.state_hash(), engine.next_sequence) == (before, sequence)
    with world.begin() as connection:
        connection.execute(text("DELETE FROM fault"))
    return failed


def _rows(world: World, table: str) -> list[dict[str, Any]]:
    with world.begin() as connection:
        rows = connection.execute(text(f"SELECT * FROM {table}")).mappings()  # noqa: S608  # one of TABLES
        left_out = LEFT_OUT | IN_A_BATCH.get(table, set())
        kept = [{name: value for name, value in row.items() if name not in left_out} for row in rows]
    return sorted(kept, key=repr)
