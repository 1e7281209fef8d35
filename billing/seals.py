"""The hash chain over the ledger: transfers are sealed in batches, in the order of their ids, each seal over the one
before.

Posting knows nothing of it. Ids are drawn before their transactions commit, so a batch is sealed only up to an id
below which everything is decided: a horizon is noted, and once all transactions that ran then are over, no transfer at
or below it can appear any more. Nothing in the tables depends on transaction numbers, so a restored dump stays valid.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select, text
from sqlalchemy.dialects.postgresql import insert

from billing.tables import ledger_seal, ledger_transfer

SEAL_SHA256 = """
    sha256(
        previous || int8send(sequence) || int8send(last_transfer_id) || int8send(at_micros)
        || coalesce(string_agg(digest, ''::bytea ORDER BY id), ''::bytea)
    )
"""
"""A seal over the transfers `id`, each with its `digest`."""

TRANSFER_DIGESTS = """
    SELECT transfer.id, sha256(convert_to(
        concat_ws(chr(30), transfer.id, transfer.key, kind, at_micros, encode(content_sha256, 'hex'), string_agg(
            concat_ws(chr(31), ordinal, account_id, amount_micros, coalesce(reference, '')), chr(30) ORDER BY ordinal)),
        'UTF8')) AS digest
    FROM ledger_transfer AS transfer LEFT JOIN ledger_entry ON transfer_id = transfer.id
"""
"""id, digest: everything that is written of a transfer. The caller groups by `transfer.id`."""

_COMPUTE = text(f"""
    WITH digests AS ({TRANSFER_DIGESTS} WHERE transfer.id > :after AND transfer.id <= :last GROUP BY transfer.id)
    SELECT count(id) AS transfers, {SEAL_SHA256} AS sha256
    FROM (SELECT CAST(:previous AS bytea) AS previous, CAST(:sequence AS bigint) AS sequence,
        CAST(:last AS bigint) AS last_transfer_id, CAST(:at AS bigint) AS at_micros) AS seal LEFT JOIN digests ON true
    GROUP BY previous, sequence, last_transfer_id, at_micros
""")  # noqa: S608  # joined from the constants above
_DECIDED = text("SELECT pg_snapshot_xmin(pg_current_snapshot()) > CAST(:until AS xid8)")


@dataclass(frozen=True, slots=True)
class Horizon:
    """The newest transfer at a moment, and the number of a transaction that began after it."""

    transfer_id: int
    transaction: str


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal that was set: its place in the chain, how many transfers it covers, and its hash in hexadecimal."""

    sequence: int
    transfers: int
    sha256: str


def horizon(connection: Connection) -> Horizon:
    """How far the ledger can be sealed once all transactions of this moment are over, this one too."""
    newest = connection.execute(select(func.coalesce(func.max(ledger_transfer.c.id), 0))).scalar_one()
    # Drawn after the look at the table: who holds back a smaller id has locked accounts, so its number is smaller.
    drawn = connection.execute(text("SELECT CAST(pg_current_xact_id() AS text)")).scalar_one()
    return Horizon(newest, drawn)


def is_decided(connection: Connection, until: Horizon) -> bool:
    """Whether every transaction that could still write a transfer at or below the horizon is over."""
    return bool(connection.execute(_DECIDED, {"until": until.transaction}).scalar_one())


def seal(connection: Connection, until: Horizon, at_micros: int, limit: int = 5000) -> Seal | None:
    """Seal the next `limit` transfers up to a horizon that is decided, if there are any; one of many callers does."""
    newest = select(ledger_seal).order_by(ledger_seal.c.sequence.desc()).limit(1)
    before = connection.execute(newest).one_or_none()
    after = before.last_transfer_id if before else 0
    ids = select(ledger_transfer.c.id).where(ledger_transfer.c.id > after, ledger_transfer.c.id <= until.transfer_id)
    batch = ids.order_by(ledger_transfer.c.id).limit(limit).subquery()
    last = connection.execute(select(func.max(batch.c.id))).scalar_one()
    if last is None:
        return None
    sequence = before.sequence + 1 if before else 1
    place = {"sequence": sequence, "last": last, "at": at_micros}
    previous = before.sha256 if before else b""
    made = connection.execute(_COMPUTE, place | {"after": after, "previous": previous}).one()
    row = {"sequence": sequence, "last_transfer_id": last, "at_micros": at_micros, **made._mapping}
    written = connection.execute(insert(ledger_seal).values(row).on_conflict_do_nothing())
    return Seal(sequence, made.transfers, bytes(made.sha256).hex()) if written.rowcount else None
