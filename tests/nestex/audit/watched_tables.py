"""Which tables follow from a shard's journal, and what of them does not."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table

from billing.tables import billable_contract, ledger_account, ledger_entry, ledger_transfer
from market.tables import contract, journal, lease, orders, snapshot, trade
from runtime.tables import feed, feed_head, outbox


@dataclass(frozen=True, slots=True)
class Watched:
    """A table, the rows of it that follow from a journal, and what a sentence says that names it."""

    table: Table
    says: str
    rows: ColumnElement[bool] | None = None

    @property
    def name(self) -> str:
        return self.table.name


WATCHED = (
    Watched(journal, "fra1", journal.c.shard == "fra1"),
    Watched(lease, "lease"),
    Watched(snapshot, "snapshot"),
    Watched(orders, "orders"),
    Watched(trade, "trade"),
    Watched(contract, "contract"),
    Watched(billable_contract, "billable_contract"),
    Watched(ledger_transfer, "ledger_", ledger_transfer.c.kind == "trade"),
    Watched(ledger_entry, "ledger_entry", ledger_entry.c.reference.is_not(None)),
    Watched(ledger_account, "reserved cash", ledger_account.c.reserved_micros > 0),
    Watched(outbox, "outbox"),
    Watched(feed_head, "feed_head", feed_head.c.stream.startswith("engine.")),
    Watched(feed, "feed", feed.c.stream.startswith("engine.")),
)

UNSEEN = {
    "lease.epoch": "who holds the lease is no part of the history",
    "lease.holder": "as epoch",
    "lease.expires_at": "as epoch",
    "snapshot.created_at": "the database's clock",
    "outbox.created_at": "the database's clock",
    "outbox.published_at": "when the relay sent it is not the engine's to know",
    "ledger_transfer.content_sha256": "the ledger's guard against another content under the same key",
    "ledger_account.id": "which accounts there are is the books check's",
    "ledger_account.balance_micros": "balances beside entries are the books check's",
    "billable_contract.delivered_seconds": "what happens after the birth is the books check's",
    "billable_contract.billed_minutes": "as delivered_seconds",
    "billable_contract.state": "as delivered_seconds",
    "billable_contract.closed_at_micros": "as delivered_seconds",
    "billable_contract.kept_minutes": "as delivered_seconds",
    "billable_contract.bond_minutes": "as delivered_seconds",
    "billable_contract.released_minutes": "as delivered_seconds",
    "billable_contract.released_minute": "as delivered_seconds",
    "billable_contract.credited_minutes": "as delivered_seconds",
    "billable_contract.compensation_micros": "as delivered_seconds",
    "billable_contract.unsettlings": "as delivered_seconds",
}
"""Columns that nothing in the journal decides, with the reason."""

ALIKE = {
    "contract.shard",
    "contract.kind",
    "contract.instrument",
    "contract.applied_revision",
    "contract.guest_state_at_ms",
    "contract.endpoints",
    "contract.extras",
    "contract.answers",
    "trade.instrument",
    "ledger_account.kind",
    "ledger_account.owner",  # two owners have the same reserved
    "ledger_transfer.kind",
    "orders.min_reliability_ppm",
    *(f"billable_contract.{column.name}" for column in billable_contract.columns if "_ppm" in column.name),
    *(f"billable_contract.{name}" for name in ("instrument", "kind", "buyer_vat_category", "provider_vat_category")),
    "billable_contract.provider_identity_version",
    *(f"billable_contract.{name}" for name in ("allowance_minutes", "delivered_seconds", "billed_minutes")),
    *(f"billable_contract.{name}" for name in ("bond_minutes", "released_minutes", "credited_minutes", "unsettlings")),
    *(f"billable_contract.{name}" for name in ("compensation_micros", "released_minute", "closed_at_micros")),
    "contract.reason",
    "contract.ended_minute",
    *(f"contract.{name}" for name in ("replaces", "replaced_by", "not_replaced")),  # one row has each
}
"""Columns that have the same value in every row of the history: no two rows can exchange them."""

EMPTY = {
    "orders.backing_contract_id",
    "contract.rescaled",
    "contract.resold_from",
    "contract.resold_to",
    "contract.resumed_minute",
    "contract.guest_state",
    "contract.ready_at_micros",
    "contract.grows",
    "orders.grows",
    "billable_contract.buyer_identity_version",
    "outbox.published_at",
}
"""Columns that no row of the history has."""

FULL = {"orders.template", "ledger_entry.reference", "billable_contract.provider_identity_version"}
"""Columns that may be empty, and that every row has."""
