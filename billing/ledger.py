"""The ledger: `post` is the one function through which money moves, inside the caller's transaction.

Lock order, the same for everybody: participants' accounts in id order, then the market's own in id order, these last of
all, so that the busiest rows are held for the shortest time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from billing.arrays import among
from billing.tables import ledger_account, ledger_entry, ledger_transfer
from billing.transfers import MARKET, MARKET_KINDS, PARTICIPANT_KINDS, Transfer, account, is_market_account
from common.errors import Conflict, InvalidInput, NotFound, Refused
from common.money import LARGEST_MICROS

_INSERT_TRANSFERS = text("""
    INSERT INTO ledger_transfer (key, kind, at_micros, content_sha256)
    SELECT * FROM unnest(
        CAST(:keys AS text[]), CAST(:kinds AS text[]), CAST(:times AS bigint[]), CAST(:contents AS bytea[]))
    RETURNING key, id
""")
_INSERT_ENTRIES = text("""
    INSERT INTO ledger_entry (transfer_id, ordinal, account_id, amount_micros, reference)
    SELECT * FROM unnest(
        CAST(:transfers AS bigint[]), CAST(:ordinals AS integer[]), CAST(:accounts AS text[]),
        CAST(:amounts AS bigint[]), CAST(:refs AS text[]))
""")
_UPDATE_ACCOUNTS = text("""
    UPDATE ledger_account
    SET balance_micros = balance_micros + change.balance, reserved_micros = reserved_micros + change.reserved
    FROM unnest(CAST(:ids AS text[]), CAST(:balances AS bigint[]), CAST(:reserved AS bigint[]))
        AS change (id, balance, reserved)
    WHERE ledger_account.id = change.id
""")


class FloorBroken(Refused):
    """These accounts would go below zero, or below what is reserved. Nothing was written; the locks are held."""

    def __init__(self, accounts: tuple[str, ...]) -> None:
        super().__init__("insufficient_funds", f"not covered: {', '.join(accounts)}")
        self.accounts = accounts


@dataclass(frozen=True, slots=True)
class Cash:
    """A participant's cash: balance, and the part of it that open orders reserve."""

    balance_micros: int
    reserved_micros: int

    @property
    def available_micros(self) -> int:
        """What new orders may reserve."""
        return self.balance_micros - self.reserved_micros


@dataclass(frozen=True, slots=True)
class StatementEntry:
    """An entry of an account, with the transfer that it is part of. (`transfer_id`, `ordinal`) is the cursor."""

    transfer_id: int
    ordinal: int
    account: str
    amount_micros: int
    reference: str | None
    transfer_kind: str
    at_micros: int


def open_accounts(connection: Connection, participant_id: str) -> None:
    """A participant's accounts, at zero. Idempotent."""
    _open(connection, participant_id, PARTICIPANT_KINDS)


def open_market_accounts(connection: Connection) -> None:
    """The market's own accounts, at zero. Idempotent."""
    _open(connection, MARKET, MARKET_KINDS)


def post(connection: Connection, transfers: Sequence[Transfer], reservations: Mapping[str, int] | None = None) -> None:
    """Write transfers, and change what participants have reserved of their cash (`reservations`: id -> micros more).

    A transfer whose key is posted already with the same content is skipped; reservations have no key, the caller says
    them once. Raises FloorBroken, Conflict (`transfer_conflict`) and InvalidInput (`amount_too_large`) before anything
    is written, and NotFound for an account that was never opened.
    """
    reserved = {account(owner, "cash"): change for owner, change in (reservations or {}).items()}
    touched = {entry.account for transfer in transfers for entry in transfer.entries} | reserved.keys()
    if not touched:
        return
    market = {account_id for account_id in touched if is_market_account(account_id)}
    # Transfers between the market's own accounts alone are told apart from their retries by locking these at once.
    held = _lock(connection, touched - market or market)
    fresh = _not_yet_posted(connection, transfers)
    changes: dict[str, int] = defaultdict(int)
    for transfer in fresh:
        for entry in transfer.entries:
            changes[entry.account] += entry.amount_micros
    _check_floors(held, changes, reserved)
    _write_transfers(connection, fresh)
    _update(connection, (changes.keys() | reserved.keys()) - market, changes, reserved)
    if changed := changes.keys() & market:
        _lock(connection, changed)
        _update(connection, changed, changes, {})


def cash(connection: Connection, participants: Iterable[str], *, lock: bool = False) -> dict[str, Cash]:
    """Cash of these participants; with `lock`, nobody else changes it until the transaction ends. Raises NotFound."""
    owners = {account(participant, "cash"): participant for participant in participants}
    if lock:
        return {owners[account_id]: held for account_id, held in _lock(connection, owners).items()}
    query = select(ledger_account).where(among(ledger_account.c.id, owners))
    found = {owners[row.id]: Cash(row.balance_micros, row.reserved_micros) for row in connection.execute(query)}
    _all_found(owners.values(), found)
    return found


def balances(connection: Connection, owner: str) -> dict[str, int]:
    """Balance in micro-units of each of the owner's accounts, by kind; empty for somebody unknown."""
    query = select(ledger_account.c.kind, ledger_account.c.balance_micros).where(ledger_account.c.owner == owner)
    return {row.kind: row.balance_micros for row in connection.execute(query)}


def reserved_by_participant(connection: Connection) -> dict[str, int]:
    """What each participant has reserved, where it is not zero; the books check compares it with the open orders."""
    query = select(ledger_account.c.owner, ledger_account.c.reserved_micros)
    return {
        row.owner: row.reserved_micros for row in connection.execute(query.where(ledger_account.c.reserved_micros > 0))
    }


def statement(connection: Connection, owner: str, after: tuple[int, int] | None, limit: int) -> list[StatementEntry]:
    """Up to `limit` entries of the owner's accounts, in the order of posting, that follow the cursor `after`."""
    kinds = MARKET_KINDS if owner == MARKET else PARTICIPANT_KINDS
    query = (
        select(ledger_entry, ledger_transfer.c.kind, ledger_transfer.c.at_micros)
        .join(ledger_transfer, ledger_transfer.c.id == ledger_entry.c.transfer_id)
        .where(among(ledger_entry.c.account_id, [account(owner, kind) for kind in kinds]))
        .order_by(ledger_entry.c.transfer_id, ledger_entry.c.ordinal)
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(ledger_entry.c.transfer_id, ledger_entry.c.ordinal) > tuple_(*after))
    return [
        StatementEntry(
            row.transfer_id, row.ordinal, row.account_id, row.amount_micros, row.reference, row.kind, row.at_micros
        )
        for row in connection.execute(query)
    ]


def _open(connection: Connection, owner: str, kinds: Sequence[str]) -> None:
    rows = [{"id": account(owner, kind), "owner": owner, "kind": kind} for kind in kinds]
    connection.execute(insert(ledger_account).on_conflict_do_nothing(), rows)


def _lock(connection: Connection, accounts: Iterable[str]) -> dict[str, Cash]:
    """Lock these accounts in one statement, in id order; what they hold."""
    query = select(ledger_account.c.id, ledger_account.c.balance_micros, ledger_account.c.reserved_micros)
    wanted = sorted(accounts)
    query = query.where(among(ledger_account.c.id, wanted)).order_by(ledger_account.c.id)
    held = {
        row.id: Cash(row.balance_micros, row.reserved_micros)
        for row in connection.execute(query.with_for_update(key_share=True))
    }
    _all_found(wanted, held)
    return held


def _all_found(wanted: Iterable[str], found: Mapping[str, Cash]) -> None:
    if missing := set(wanted) - found.keys():
        raise NotFound("not_found", f"there is no account of {min(missing)}")


def _not_yet_posted(connection: Connection, transfers: Sequence[Transfer]) -> list[Transfer]:
    """The transfers whose keys are new, each key once. Raises Conflict."""
    if not transfers:
        return []
    query = select(ledger_transfer.c.key, ledger_transfer.c.content_sha256)
    query = query.where(among(ledger_transfer.c.key, [transfer.key for transfer in transfers]))
    contents = {row.key: row.content_sha256 for row in connection.execute(query)}
    fresh = []
    for transfer in transfers:
        content = transfer.content_sha256()
        if transfer.key not in contents:
            contents[transfer.key] = content
            fresh.append(transfer)
        elif contents[transfer.key] != content:
            raise Conflict("transfer_conflict", f"transfer {transfer.key} is posted with another content")
    return fresh


def _check_floors(held: Mapping[str, Cash], changes: Mapping[str, int], reserved: Mapping[str, int]) -> None:
    broken = []
    for account_id, before in held.items():
        balance = before.balance_micros + changes.get(account_id, 0)
        reserved_after = before.reserved_micros + reserved.get(account_id, 0)
        if reserved_after < 0:
            raise AssertionError(f"more is released on {account_id} than was reserved")
        if abs(balance) > LARGEST_MICROS or reserved_after > LARGEST_MICROS:
            raise InvalidInput("amount_too_large", f"{account_id} cannot hold that much", field="amount")
        if balance < reserved_after and not is_market_account(account_id):
            broken.append(account_id)
    if broken:
        raise FloorBroken(tuple(sorted(broken)))


def _write_transfers(connection: Connection, transfers: Sequence[Transfer]) -> None:
    if not transfers:
        return
    columns = {
        "keys": [transfer.key for transfer in transfers],
        "kinds": [transfer.kind for transfer in transfers],
        "times": [transfer.at_micros for transfer in transfers],
        "contents": [transfer.content_sha256() for transfer in transfers],
    }
    ids = {row.key: row.id for row in connection.execute(_INSERT_TRANSFERS, columns)}
    entries = [
        (ids[transfer.key], ordinal, entry) for transfer in transfers for ordinal, entry in enumerate(transfer.entries)
    ]
    columns = {
        "transfers": [transfer_id for transfer_id, _, _ in entries],
        "ordinals": [ordinal for _, ordinal, _ in entries],
        "accounts": [entry.account for _, _, entry in entries],
        "amounts": [entry.amount_micros for _, _, entry in entries],
        "refs": [entry.reference for _, _, entry in entries],
    }
    connection.execute(_INSERT_ENTRIES, columns)


def _update(
    connection: Connection, accounts: Iterable[str], changes: Mapping[str, int], reserved: Mapping[str, int]
) -> None:
    ids = sorted(accounts)
    if ids:
        columns = {
            "ids": ids,
            "balances": [changes.get(account_id, 0) for account_id in ids],
            "reserved": [reserved.get(account_id, 0) for account_id in ids],
        }
        connection.execute(_UPDATE_ACCOUNTS, columns)
