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
from common.clock import MarketClock, SystemClock
from nestex.bootstrap import NewDeployment, prepare
from nestex.stack.stack import Stack, discard, running_stack
from runtime.database import connect
from runtime.deployment import market_clock


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
    prepare(stack.database_url, NewDeployment())
    return furnish_at(stack.database_url)


def furnish_at(url: str) -> tuple[Cast, MarketClock]:
    """The cast, in a deployment that is there already, and the deployment's clock."""
    database = connect(url, application="bench", pool_size=1)
    try:
        with database.begin() as connection:
            clock = market_clock(connection, SystemClock())
        return furnish(database, clock), clock
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
