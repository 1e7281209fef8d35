"""Money that leaves: withdrawals of a participant's cash, and payouts of what its documents made payable.

Each payment is one transfer, to the market's bank account and in whole cents; its id is the end-to-end id at the bank.
`ledger.post` checks the floor under the account's lock, reserved cash included: no withdrawal spends what an order has
bound.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select, text

from billing import ledger
from billing.documents.issue import pay_self_billed
from billing.identities import checked_iban, latest
from billing.tables import payment
from billing.transfers import MARKET, Entry, Transfer, account
from common.errors import Conflict, InvalidInput, Refused
from common.ids import derived_id
from common.money import MICROS_PER_CENT

WITHDRAWAL = "withdrawal"
PAYOUT = "payout"
_FROM = {WITHDRAWAL: "cash", PAYOUT: "payable"}
_PAYABLE = text("""
    SELECT owner AS participant_id, version AS identity_version, company AS holder, iban
    FROM ledger_account
    CROSS JOIN LATERAL (
        SELECT version, company, iban FROM legal_identity WHERE participant_id = owner ORDER BY version DESC LIMIT 1
    ) AS identity
    WHERE kind = 'payable' AND balance_micros >= :cent AND iban IS NOT NULL AND owner > :after
    ORDER BY owner LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class Payment:
    """What the bank is told. `key` is the caller's: of the withdrawal, or of the whole run of payouts."""

    id: str
    kind: str
    participant_id: str
    key: str
    identity_version: int | None
    holder: str
    iban: str
    amount_cents: int
    at_micros: int


@dataclass(frozen=True, slots=True)
class Destination:
    """A bank account. What is missing comes from the participant's legal identity."""

    iban: str | None = None
    holder: str | None = None


def withdraw(
    connection: Connection, participant_id: str, amount_micros: int, key: str, to: Destination, at_micros: int
) -> Payment:
    """cash -> bank, once per `key` of the participant.

    Raises InvalidInput unless the amount is above zero and in whole cents, Refused (`iban_missing`,
    `insufficient_funds`), NotFound for an unknown participant, and Conflict (`transfer_conflict`) when the key was used
    for another amount or bank account.
    """
    cents, rest = divmod(amount_micros, MICROS_PER_CENT)
    if cents <= 0 or rest:
        raise InvalidInput("invalid_field", "banks move whole cents, above zero", field="amount", limit="0.01")
    identity = latest(connection, [participant_id]).get(participant_id)
    holder = to.holder or (identity.form.company if identity else None)
    iban = checked_iban(to.iban) if to.iban else (identity.form.iban if identity else None)
    if iban is None or holder is None:
        raise Refused("iban_missing", "say the IBAN and its holder: the legal identity has none", field="iban")
    version = identity.version if identity else None
    wanted = _payment(WITHDRAWAL, participant_id, key, version, holder, iban, cents, at_micros)
    ledger.post(connection, [_transfer(wanted, f"withdrawal:{participant_id}:{key}")])
    known = _of_key(connection, WITHDRAWAL, key, [participant_id]).get(participant_id)
    if known is None:
        return _write(connection, [wanted])[0]
    if (to.iban and iban != known.iban) or (to.holder and holder != known.holder):
        raise Conflict("transfer_conflict", "this key was used for a withdrawal to another bank account", field="key")
    return known


def pay_out(connection: Connection, key: str, after: str, at_micros: int, limit: int = 500) -> list[Payment]:
    """payable -> bank for the next `limit` participants behind `after` who have a cent or more and a bank account; each
    is paid once in the run `key`. Empty when the run has reached its end.

    One transaction per call: a run that was stopped is begun again with the same key, and pays only who was left out.
    """
    due = connection.execute(_PAYABLE, {"cent": MICROS_PER_CENT, "after": after, "limit": limit}).all()
    held = ledger.hold(connection, [account(row.participant_id, "payable") for row in due])
    paid = _of_key(connection, PAYOUT, key, [row.participant_id for row in due])  # under the locks
    payments = list(paid.values())
    fresh = [
        _payment(PAYOUT, **row._mapping, key=key, amount_cents=cents, at_micros=at_micros)
        for row in due
        if row.participant_id not in paid and (cents := held[account(row.participant_id, "payable")] // MICROS_PER_CENT)
    ]
    ledger.post(connection, [_transfer(made, f"payout:{made.id}") for made in fresh])
    pay_self_billed(connection, [made.participant_id for made in fresh])
    return sorted(payments + _write(connection, fresh), key=lambda made: made.participant_id)


def payments_of_run(connection: Connection, key: str, after: str, limit: int) -> list[Payment]:
    """Up to `limit` payouts of a run with ids above `after`."""
    return _read(connection, payment.c.kind == PAYOUT, payment.c.key == key, after=after, limit=limit)


def payments_to(connection: Connection, participant_id: str, after: str, limit: int) -> list[Payment]:
    """Up to `limit` payments to a participant with ids above `after`, oldest first."""
    return _read(connection, payment.c.participant_id == participant_id, after=after, limit=limit)


def _payment(
    kind: str,
    participant_id: str,
    key: str,
    identity_version: int | None,
    holder: str,
    iban: str,
    amount_cents: int,
    at_micros: int,
) -> Payment:
    made = derived_id("pay", at_micros // 1000, kind, participant_id, key)
    return Payment(made, kind, participant_id, key, identity_version, holder, iban, amount_cents, at_micros)


def _transfer(made: Payment, key: str) -> Transfer:
    """The reference is left to payouts: a withdrawal that is asked for again must be the same transfer."""
    amount = made.amount_cents * MICROS_PER_CENT
    reference = made.id if made.kind == PAYOUT else None
    moves = (
        Entry(account(made.participant_id, _FROM[made.kind]), -amount, reference),
        Entry(account(MARKET, "bank"), amount, reference),
    )
    return Transfer(key, made.kind, made.at_micros, moves)


def _write(connection: Connection, payments: list[Payment]) -> list[Payment]:
    if payments:
        connection.execute(insert(payment), [asdict(made) for made in payments])
    return payments


def _of_key(connection: Connection, kind: str, key: str, participants: list[str]) -> dict[str, Payment]:
    columns = payment.c
    query = select(payment).where(columns.kind == kind, columns.key == key, columns.participant_id.in_(participants))
    return {row.participant_id: _of_row(row) for row in connection.execute(query)}


def _read(connection: Connection, *which: Any, after: str, limit: int) -> list[Payment]:
    query = select(payment).where(*which, payment.c.id > after).order_by(payment.c.id).limit(limit)
    return [_of_row(row) for row in connection.execute(query)]


def _of_row(row: Row[Any]) -> Payment:
    return Payment(**row._mapping)
