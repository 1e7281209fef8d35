"""Servers for a benchmark: the embedded stack with durable settings in a folder that ends with the run, and databases
that all start alike."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from bench.market import Cast, furnish
from common.clock import ClockAnchor, MarketClock, SystemClock
from nestex.bootstrap import NewDeployment, prepare
from nestex.stack.stack import Stack, discard, running_stack
from runtime.database import connect


@contextmanager
def servers() -> Iterator[Stack]:
    """PostgreSQL and NATS, both syncing what they acknowledge. What the environment names is used instead."""
    path = Path(tempfile.mkdtemp(prefix="nestex-bench-"))
    path.chmod(0o711)  # PostgreSQL runs as another user when the bench runs as root
    try:
        with running_stack(path, SystemClock(), os.environ) as stack:
            yield stack
    finally:
        discard(path)


def furnished(stack: Stack) -> tuple[Cast, MarketClock]:
    """The stack's database as a market with its cast, and its clock, which runs at real speed."""
    clock = SystemClock()
    anchor = ClockAnchor(clock.wall_micros(), clock.wall_micros())
    prepare(stack.database_url, NewDeployment())
    database = connect(stack.database_url, application="bench", pool_size=1)
    try:
        market = MarketClock(anchor, clock)
        return furnish(database, market), market
    finally:
        database.dispose()


@contextmanager
def copy_of(url: str, name: str) -> Iterator[str]:
    """A database that is a copy of the one at `url`, dropped at the end."""
    server, _, template = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        connection.execute(create)
        connection.execute("CHECKPOINT")  # so that no run pays for what an earlier one wrote
        try:
            yield f"{server}/{name}"
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
