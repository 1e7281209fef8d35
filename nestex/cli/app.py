"""`nestex`: all commands, and what their exit codes mean.

0 done; 1 a check found a difference; 2 wrong usage; 3 the market or the configuration refused; 4 no answer.
"""

from __future__ import annotations

import sys

import typer

from common.errors import NestexError, Unavailable
from nestex.cli import (
    account,
    agent,
    audit,
    backups,
    books,
    contracts,
    disputes,
    doctor,
    export,
    guests,
    images,
    keys,
    local,
    market_data,
    nodes,
    operator,
    ordering,
    payments,
    periods,
    processes,
    replay,
    trading,
    volumes,
    watch,
)
from nestex.cli.output import REFUSED, complain

NO_ANSWER = 4

app = typer.Typer(
    name="nestex",
    help="A spot exchange for slices of virtual machines that somebody has already paid for.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
local.register(app)
processes.register(app)
agent.register(app)
market_data.register(app)
ordering.register(app)
trading.register(app)
watch.register(app)
contracts.register(app)
guests.register(app)
volumes.register(app)
nodes.register(app)
account.register(app)
export.register(app)
keys.register(app)
operator.register(app)
payments.register(app)
periods.register(app)
disputes.register(app)
books.register(app)
doctor.register(app)
audit.register(app)
backups.register(app)
replay.register(app)
images.register(app)


def main() -> None:
    """Run the command that the arguments name; errors that a person can act on become one line and an exit code."""
    try:
        app()
    except NestexError as error:
        complain(error)
        sys.exit(NO_ANSWER if isinstance(error, Unavailable) else REFUSED)
    except (OSError, UnicodeError) as error:
        sys.stderr.write(f"nestex: {error}\n")
        sys.exit(REFUSED)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in (
            "sqlalchemy",
            "fastapi",
            "psycopg",
            "pydantic_settings",
        ):
            raise
        sys.stderr.write("this command needs the server's packages: pip install 'nestex[server]'\n")
        sys.exit(REFUSED)
