"""All checks of the doctor, on a data folder or on the configured servers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from common.clock import RealClock
from common.errors import NestexError
from nestex.books import first_difference
from nestex.doctor import bus, database, machine
from nestex.doctor.finding import Finding, bad, ok
from nestex.stack.nats import recorded_nats
from nestex.stack.postgres import recorded_url
from runtime.database import connect

_DATABASE_URL = "NESTEX_DATABASE_URL"
_NATS_URL = "NESTEX_NATS_URL"
_NATS_CREDENTIALS = "NESTEX_NATS_CREDENTIALS"


def examine(data: Path | None, configured: Mapping[str, str], clock: RealClock) -> Iterator[Finding]:
    """Every finding, in the order in which one would mend them. `configured` are the environment's variables."""
    yield from machine.examine(data or Path(os.curdir))
    try:
        database_url = recorded_url(data) if data is not None else configured.get(_DATABASE_URL)
        nats_url, credentials = _nats(data, configured)
    except NestexError as error:
        yield bad("configuration", error.message, "name the folder of a `nestex up` with --data")
        return
    if not database_url or not nats_url:
        missing = _NATS_URL if database_url else _DATABASE_URL
        yield bad("configuration", f"{missing} is not set", "set it, or name the folder of a `nestex up` with --data")
        return
    found = list(_database(database_url, clock))
    yield from found
    yield from bus.examine(nats_url, credentials)
    if all(finding.verdict != "bad" for finding in found if finding.check in ("database", "schema")):
        yield _books(database_url)


def _nats(data: Path | None, configured: Mapping[str, str]) -> tuple[str | None, Path]:
    if data is not None:
        return recorded_nats(data)
    return configured.get(_NATS_URL), Path(configured.get(_NATS_CREDENTIALS, ""))


def _database(url: str, clock: RealClock) -> Iterator[Finding]:
    engine = connect(url, application="nestex doctor", pool_size=1)
    try:
        yield from database.examine(engine, clock)
    finally:
        engine.dispose()


def _books(url: str) -> Finding:
    engine = connect(url, application="nestex doctor", pool_size=1)
    try:
        difference = first_difference(engine)
    finally:
        engine.dispose()
    if difference is not None:
        return bad("books", difference, "stop trading (`nestex operator mode ... halted`) and look into it")
    return ok("books", "every invariant of the ledger holds")
