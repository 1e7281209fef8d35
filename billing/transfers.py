"""What is posted: transfers of two or more entries, and the names of the accounts between which money moves."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

from billing.chart import is_routed

MARKET = "market"


def account(owner: str, kind: str) -> str:
    """The id of an account: `prt_.../cash`, `market/fees`."""
    return f"{owner}/{kind}"


def is_market_account(account_id: str) -> bool:
    """Whether it is one of the market's own accounts: touched by every batch, and without a floor."""
    return account_id.startswith(MARKET + "/")


class Entry(NamedTuple):
    """One side of a transfer: micro-units into (negative: out of) an account. `reference` is the contract or document
    that it is for; entries of the market's own accounts, which stand for a whole batch, may have none."""

    account: str
    amount_micros: int
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """Entries that sum to zero, on accounts that its kind may move, under an idempotency key. `at_micros` is market
    time."""

    key: str
    kind: str
    at_micros: int
    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        debits: dict[str, int] = {}
        credits_: dict[str, int] = {}
        for account_id, amount, _ in self.entries:
            kind = account_id[account_id.rfind("/") + 1 :]
            if amount > 0:
                credits_[kind] = credits_.get(kind, 0) + amount
            elif amount < 0:
                debits[kind] = debits.get(kind, 0) - amount
            else:
                raise AssertionError(f"transfer {self.key} has an entry of zero")
        if total := sum(credits_.values()) - sum(debits.values()):
            raise AssertionError(f"transfer {self.key} does not sum to zero but to {total}")
        if not credits_:
            raise AssertionError(f"transfer {self.key} needs two entries or more")
        if not is_routed(self.kind, debits, credits_):
            raise AssertionError(f"a {self.kind} cannot debit {dict(debits)} and credit {dict(credits_)}: {self.key}")

    def content_sha256(self) -> bytes:
        """Of what it moves. The time is left out, so that a retry at a later time is still the same transfer."""
        lines = [self.kind]
        lines += [f"{account_id}\x1f{amount}\x1f{reference or ''}" for account_id, amount, reference in self.entries]
        return hashlib.sha256("\x1e".join(lines).encode()).digest()


def nonzero(*entries: Entry) -> tuple[Entry, ...]:
    """The entries that move anything."""
    return tuple([entry for entry in entries if entry[1]])
