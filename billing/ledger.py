"""The ledger: `post` is the one function through which money moves, inside the caller's transaction.

Lock order, the same for everybody: participants' accounts in id order, then the market's own in id order, these last of
all, so that the busiest rows are held for the shortest time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import ARRAY, Connection, Text, any_, bindparam, select, text
from sqlalchemy.dialects.postgresql import insert

from billing.accounts import HELD, LOCK, Cash, held_in
from billing.chart import MARKET_KINDS, PARTICIPANT_KINDS
from billing.tables import ledger_account, ledger_entry, ledger_transfer
from billing.transfers import MARKET, Transfer, account, is_market_account
from common.errors import Conflict, InvalidInput, Refused
from common.money import LARGEST_MICROS
from runtime.arrays import number_array, text_array
from runtime.bulk import put_values
from runtime.driver import Pipe

_INSERT_TRANSFERS = text("""
    INSERT INTO ledger_transfer (key, kind, at_micros, content_sha256)
    SELECT * FROM unnest(
        CAST(:keys AS text[]), CAST(:kinds AS text[]), CAST(:times AS bigint[]), CAST(:contents AS bytea[]))
    RETURNING key, id
""")
_POSTED = select(ledger_transfer.c.key, ledger_transfer.c.content_sha256).where(
    ledger_transfer.c.key == any_(bindparam("keys", type_=ARRAY(Text)))
)
_UPDATE_ACCOUNTS = text("""
    UPDATE ledger_account
    SET balance_micros = balance_micros + change.balance, reserved_micros = reserved_micros + change.reserved
    FROM unnest(CAST(:ids AS text[]), CAST(:balances AS bigint[]), CAST(:reserved AS bigint[]))
        AS change (id, balance, reserved)
    WHERE ledger_account.id = change.id
""")

_ENTRY_COLUMNS = ("transfer_id", "ordinal", "account_id", "amount_micros", "reference")
"""Where an entry stands, and its own fields in their order."""


class FloorBroken(Refused):
    """These accounts would go below zero, or below what is reserved. Nothing was written; the locks are held."""

    def __init__(self, accounts: tuple[str, ...]) -> None:
        super().__init__("insufficient_funds", f"not covered: {', '.join(accounts)}")
        self.accounts = accounts


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
    pipe = Pipe(connection)
    put_posting(pipe, transfers, reservations or {})
    pipe.send()


def put_posting(pipe: Pipe, transfers: Sequence[Transfer], reservations: Mapping[str, int]) -> None:
    """The same by way of a pipe: what waits in it is sent with the locking, the last writes with its next `send`."""
    reserved = {account(owner, "cash"): change for owner, change in reservations.items()}
    touched = {entry.account for transfer in transfers for entry in transfer.entries} | reserved.keys()
    if not touched:
        return
    market = {account_id for account_id in touched if is_market_account(account_id)}
    # Transfers between the market's own accounts alone are told apart from their retries by locking these at once.
    locked = sorted(touched - market or market)
    holding = pipe.put(LOCK, {"ids": locked})
    posted = pipe.put(_POSTED, {"keys": [transfer.key for transfer in transfers]}) if transfers else None
    pipe.send()
    held = held_in(holding.rows, locked)
    fresh = [] if posted is None else _not_yet_posted(dict(posted.rows), transfers)
    changes: dict[str, int] = defaultdict(int)
    for transfer, _ in fresh:
        for account_id, amount, _ in transfer.entries:
            changes[account_id] += amount
    _check_floors(held, changes, reserved)
    _write_transfers(pipe, fresh)
    _update(pipe, (changes.keys() | reserved.keys()) - market, changes, reserved)
    if changed := changes.keys() & market:
        holding = pipe.put(LOCK, {"ids": sorted(changed)})
        _update(pipe, changed, changes, {})
        pipe.send()
        held_in(holding.rows, changed)


def cash(connection: Connection, participants: Iterable[str]) -> dict[str, Cash]:
    """Cash of these participants. Raises NotFound."""
    owners = {account(participant, "cash"): participant for participant in participants}
    rows = connection.execute(HELD, {"ids": list(owners)})
    return {owners[account_id]: held for account_id, held in held_in(rows, owners).items()}


def lock_cash(connection: Connection, participants: Iterable[str]) -> None:
    """Nobody else changes the cash of those of these who have any until the transaction ends."""
    connection.execute(LOCK, {"ids": [account(participant, "cash") for participant in participants]})


def hold(connection: Connection, accounts: Iterable[str]) -> dict[str, int]:
    """Balances of these accounts of participants, which nobody else changes until the transaction ends: for who decides
    by a balance what to post. All accounts that will be posted to belong into one call. Raises NotFound."""
    ids = sorted(accounts)
    held = held_in(connection.execute(LOCK, {"ids": ids}), ids)
    return {account_id: cash.balance_micros for account_id, cash in held.items()}


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


def _open(connection: Connection, owner: str, kinds: Sequence[str]) -> None:
    rows = [{"id": account(owner, kind), "owner": owner, "kind": kind} for kind in kinds]
    connection.execute(insert(ledger_account).on_conflict_do_nothing(), rows)


def _not_yet_posted(contents: dict[str, bytes], transfers: Sequence[Transfer]) -> list[tuple[Transfer, bytes]]:
    """The transfers whose keys are not among those of `contents`, each key once, with their own contents. Raises
    Conflict."""
    fresh = []
    for transfer in transfers:
        content = transfer.content_sha256()
        if transfer.key not in contents:
            contents[transfer.key] = content
            fresh.append((transfer, content))
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


def _write_transfers(pipe: Pipe, fresh: Sequence[tuple[Transfer, bytes]]) -> None:
    if not fresh:
        return
    columns = {
        "keys": [transfer.key for transfer, _ in fresh],
        "kinds": [transfer.kind for transfer, _ in fresh],
        "times": [transfer.at_micros for transfer, _ in fresh],
        "contents": [content for _, content in fresh],
    }
    inserted = pipe.put(_INSERT_TRANSFERS, columns)
    pipe.send()
    ids = dict(inserted.rows)
    rows = [
        (transfer_id, ordinal, *entry)
        for transfer_id, entries in ((ids[transfer.key], transfer.entries) for transfer, _ in fresh)
        for ordinal, entry in enumerate(entries)
    ]
    put_values(pipe, ledger_entry, _ENTRY_COLUMNS, rows)


def _update(pipe: Pipe, accounts: Iterable[str], changes: Mapping[str, int], reserved: Mapping[str, int]) -> None:
    ids = sorted(accounts)
    if ids:
        columns = {
            "ids": text_array(ids),
            "balances": number_array(changes.get(account_id, 0) for account_id in ids),
            "reserved": number_array(reserved.get(account_id, 0) for account_id in ids),
        }
        pipe.put(_UPDATE_ACCOUNTS, columns)
