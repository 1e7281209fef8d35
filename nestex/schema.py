"""The database's schema: brought to a revision by alembic, in one transaction, by one process at a time.

Run by `nestex migrate`, and by the embedded stack at each start. alembic's own state is global to a process: call these
from one thread.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

import billing.tables  # noqa: F401  # these three describe their tables on the one metadata
import market.tables  # noqa: F401
import migrations
import runtime.tables  # noqa: F401
from runtime.database import connect
from runtime.metadata import metadata

T = TypeVar("T")

COMPARISON: dict[str, Any] = {"compare_type": True, "compare_server_default": True}
"""How alembic compares models with a database."""

_SCRIPTS = str(Path(migrations.__file__).parent)
_TURN = 0x6E6573746578  # "nestex": this advisory lock is for schema changes only
_TURN_TIMEOUT = "10min"  # for the upgrade of another process to end
_LOCK_TIMEOUT = "5s"  # a table in long use stops the upgrade, instead of the upgrade stopping everybody who uses it
_STATEMENT_TIMEOUT = "10min"


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the schema up to `revision`, or leave it as it was and raise. Upgrades at the same time take turns."""
    _alone(url, lambda connection: command.upgrade(_configuration(connection), revision))


def downgrade(url: str, revision: str) -> None:
    """Bring the schema down to `revision` (`base` is before the first), with the loss of data that this means."""
    _alone(url, lambda connection: command.downgrade(_configuration(connection), revision))


def current(url: str) -> str | None:
    """The revision that the schema is at; None before the first."""
    return _alone(url, lambda connection: MigrationContext.configure(connection).get_current_revision())


def newest() -> str:
    """The revision that this program works with."""
    head = ScriptDirectory(_SCRIPTS).get_current_head()
    assert head is not None
    return head


def is_known(revision: str) -> bool:
    """Whether this program can bring a schema at the revision up to its own."""
    return revision in {known.revision for known in ScriptDirectory(_SCRIPTS).walk_revisions()}


def differences(url: str) -> list[Any]:
    """What alembic finds different between the models and the schema; empty when they agree."""
    return _alone(
        url,
        lambda connection: list(compare_metadata(MigrationContext.configure(connection, opts=COMPARISON), metadata)),
    )


def draft(url: str, revision: str, message: str) -> None:
    """Write `migrations/versions/<revision>_<message>.py`, which brings the schema at `url` to the models.

    For developers, who then tidy it by hand.
    """
    _alone(
        url,
        lambda connection: command.revision(_configuration(connection), message, rev_id=revision, autogenerate=True),
    )


def _alone(url: str, work: Callable[[Connection], T]) -> T:
    engine = connect(url, application="nestex-schema", pool_size=1)
    try:
        with engine.begin() as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = '{_TURN_TIMEOUT}'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": _TURN})
            connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
            connection.execute(text(f"SET LOCAL statement_timeout = '{_STATEMENT_TIMEOUT}'"))
            return work(connection)
    finally:
        engine.dispose()


def _configuration(connection: Connection) -> Config:
    configuration = Config(attributes={"connection": connection})
    configuration.set_main_option("script_location", _SCRIPTS)
    return configuration
