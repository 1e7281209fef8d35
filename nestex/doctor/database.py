"""What the database must be: there, at the program's schema, safe, and telling the same time."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import DBAPIError

from common.clock import RealClock
from market.tables import instrument, lease, node, orders
from nestex import schema
from nestex.doctor.finding import Finding, bad, ok, warning
from runtime.tables import outbox

_OLDEST_SERVER = 160_000
_CLOCKS_APART_SECONDS = 2.0
_WAITING_SECONDS = 30
_UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def examine(database: Engine, clock: RealClock) -> Iterator[Finding]:
    """Findings about the database and the market in it; one bad finding where it cannot be reached."""
    try:
        with database.connect() as connection:
            yield _server(connection)
            revision = _schema(connection)
            yield revision
            yield _safety(connection)
            yield _time(connection, clock)
            if revision.verdict == "ok":
                yield _engines(connection)
                yield _relay(connection)
                yield _nodes(connection)
    except DBAPIError as error:
        remedy = "is it running, and is NESTEX_DATABASE_URL (or --data) right?"
        yield bad("database", f"it does not answer: {str(error.orig).strip()}", remedy)


def _server(connection: Connection) -> Finding:
    version = int(connection.execute(text("SELECT current_setting('server_version_num')")).scalar_one())
    if version < _OLDEST_SERVER:
        return bad("database", f"PostgreSQL {version // 10_000}", f"use PostgreSQL {_OLDEST_SERVER // 10_000} or newer")
    return ok("database", f"PostgreSQL {version // 10_000} answers")


def _schema(connection: Connection) -> Finding:
    there = connection.execute(text("SELECT to_regclass('alembic_version')")).scalar_one()
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar() if there else None
    newest = schema.newest()
    if found == newest:
        return ok("schema", f"at revision {found}")
    if found is not None and found > newest:
        return bad("schema", f"at revision {found}, this program knows {newest}", "install the newer program")
    return bad("schema", f"at revision {found or 'none'}, not {newest}", "run `nestex migrate`")


def _safety(connection: Connection) -> Finding:
    query = text("SELECT name, setting FROM pg_settings WHERE name = ANY(:names)")
    settings = {row.name: row.setting for row in connection.execute(query, {"names": list(_UNSAFE)})}
    unsafe = [name for name, value in _UNSAFE.items() if settings[name] == value]
    if unsafe:
        remedy = "set them to on: what the market acknowledges must survive a power failure"
        return bad("durability", f"{', '.join(unsafe)} is off", remedy)
    return ok("durability", "commits reach the disk before they are answered")


def _time(connection: Connection, clock: RealClock) -> Finding:
    theirs = float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
    apart = abs(theirs - clock.wall_micros() / 1_000_000)
    if apart > _CLOCKS_APART_SECONDS:
        return bad("time", f"this machine and the database are {apart:.0f} s apart", "run a time service on both")
    return ok("time", "this machine and the database agree")


def _engines(connection: Connection) -> Finding:
    zones = set(connection.execute(select(instrument.c.zone).distinct()).scalars())
    alive = select(lease.c.shard).where(lease.c.expires_at > func.now())
    missing = sorted(zones - set(connection.execute(alive).scalars()))
    if missing:
        return bad("engines", f"no engine runs for {', '.join(missing)}", "run `nestex engine --zone ZONE`")
    return ok("engines", f"one for each of {len(zones)} zones" if zones else "no instrument is open yet")


def _relay(connection: Connection) -> Finding:
    old = outbox.c.created_at < func.now() - text(f"interval '{_WAITING_SECONDS} seconds'")
    query = select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None), old)
    waiting = int(connection.execute(query).scalar_one())
    if waiting:
        remedy = "is `nestex worker` running, and does NATS answer?"
        return bad("relay", f"{waiting} messages wait for longer than {_WAITING_SECONDS} s", remedy)
    return ok("relay", "nothing waits in the outbox")


def _nodes(connection: Connection) -> Finding:
    counted = select(node.c.state, func.count()).group_by(node.c.state)
    states = {row.state: int(row[1]) for row in connection.execute(counted)}
    open_orders = select(func.count()).select_from(orders).where(orders.c.state.in_(("new", "partially_filled")))
    resting = int(connection.execute(open_orders).scalar_one())
    if lost := states.get("lost", 0):
        remedy = "see their agents' logs; they come back with the next heartbeat"
        return warning("nodes", f"{lost} of {sum(states.values())} nodes are lost", remedy)
    return ok("nodes", f"{states.get('online', 0)} online, {states.get('new', 0)} never seen; {resting} open orders")
