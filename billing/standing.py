"""What an engine must know of those who enter orders, cash and tax, as questions that it asks together with its own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from billing.accounts import HELD, LOCK, Cash, held_in
from billing.identities import LATEST, latest_in
from billing.tax import TaxProfile, profiles_in
from billing.transfers import MARKET, account
from runtime.driver import Question


@dataclass(frozen=True, slots=True)
class Standing:
    """A participant's cash and tax profile."""

    cash: Cash
    tax: TaxProfile


def standing_questions(participants: Sequence[str], *, lock: bool) -> tuple[Question, Question]:
    """What to ask the database; with `lock`, nobody else changes the cash until the transaction ends."""
    cash = {"ids": [account(participant, "cash") for participant in participants]}
    return (LOCK if lock else HELD, cash), (LATEST, {"ids": [*participants, MARKET]})


def standings_in(answers: Sequence[list[Any]], participants: Collection[str]) -> dict[str, Standing]:
    """The standing of each of these, from the answers to both questions. Raises NotFound where it has no cash account,
    or the market no legal identity."""
    cash_rows, identity_rows = answers
    cash = held_in(cash_rows, [account(participant, "cash") for participant in participants])
    taxes = profiles_in(participants, latest_in(identity_rows))
    return {
        participant: Standing(cash[account(participant, "cash")], taxes[participant]) for participant in participants
    }
