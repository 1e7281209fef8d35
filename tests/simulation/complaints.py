"""What the product may say when things break, and what it may not: an error that no fault explains."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import nats.errors
import nats.js.errors
import psycopg
from sqlalchemy.exc import DBAPIError

from common.errors import Unavailable
from market.engine.fence import Fenced

EXPECTED = (
    DBAPIError,
    psycopg.Error,
    Fenced,
    Unavailable,
    OSError,
    TimeoutError,
    nats.errors.Error,
    nats.js.errors.Error,
    asyncio.CancelledError,
)


def surprising(error: BaseException | None) -> bool:
    """Whether no fault of the simulation explains that a process ended so."""
    if isinstance(error, BaseExceptionGroup):
        return any(surprising(inner) for inner in error.exceptions)
    return not isinstance(error, EXPECTED)


@contextmanager
def complaints() -> Iterator[list[str]]:
    """Errors with a surprising exception that were logged meanwhile. Less than an error is not even looked at."""
    heard: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            error = record.exc_info[1] if record.exc_info else None
            if error is not None and surprising(error):
                trace = "".join(traceback.format_exception(error))
                heard.append(f"{record.name}: {record.getMessage()}: {error!r}\n{trace}")

    ear, before = Ear(logging.ERROR), logging.root.manager.disable
    logging.root.addHandler(ear)
    logging.disable(logging.WARNING)
    try:
        yield heard
    finally:
        logging.disable(before)
        logging.root.removeHandler(ear)
