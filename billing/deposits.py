"""Money that came in: an operator has seen it on the market's bank account."""

from __future__ import annotations

from sqlalchemy import Connection

from billing import ledger
from billing.transfers import MARKET, Entry, Transfer, account
from common.errors import InvalidInput
from common.money import LARGEST_MICROS


def deposit(connection: Connection, participant_id: str, amount_micros: int, key: str, at_micros: int) -> None:
    """bank -> cash, once per `key` of the participant.

    Raises InvalidInput unless the amount is above zero, NotFound for an unknown participant, and Conflict
    (`transfer_conflict`) when the key was used for another amount.
    """
    if not 0 < amount_micros <= LARGEST_MICROS:
        raise InvalidInput("invalid_field", "a deposit must be above zero", field="amount", limit="above 0")
    moves = (Entry(account(MARKET, "bank"), -amount_micros), Entry(account(participant_id, "cash"), amount_micros))
    ledger.post(connection, [Transfer(f"deposit:{participant_id}:{key}", "deposit", at_micros, moves)])
