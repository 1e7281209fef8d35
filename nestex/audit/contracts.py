"""What must be born with a trade: for each guest a contract, its terms in billing, its transfer, its first message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from common import subjects
from common.ids import derived_id
from common.wire import SPOKEN_SINCE, WIRE_VERSION
from market.contract_states import BUSTED, FAILED
from matching.auditor.backing import bond_of, escrow_of
from matching.auditor.facts import EntryFacts, InstrumentFacts
from matching.events import Trade

Row = dict[str, Any]
_NOTHING_ASKED: Row = {
    "adapters": [],
    "volumes": [],
    "snapshots": [],
    "revert_to": "",
    "starts": 0,
    "restarts": 0,
    "reverts": 0,
    "attached_to": "",
    "set_aside": False,
}


@dataclass(frozen=True, slots=True)
class TradePlace:
    """Where a trade stands: shard, sequence of its command, place among its trades, and market time."""

    shard: str
    sequence: int
    ordinal: int
    at_micros: int


@dataclass(frozen=True, slots=True)
class Birth:
    """Columns of `contract` and `billable_contract` that never change, entries of the transfer (account, micros),
    the message to the agent, and what the contract gives back of its node when it ends early."""

    contract: Row
    billable: Row
    entries: tuple[tuple[str, int], ...]
    message: Row
    freed: Row

    @property
    def id(self) -> str:
        """The contract's id."""
        identifier: str = self.contract["id"]
        return identifier


@dataclass(frozen=True, slots=True)
class Ending:
    """How a contract that was `born` ended before its window did; its own guest had, or has, to go for that of another
    one from minute `handed_over` on."""

    id: str
    born: Birth
    state: str
    minute: int
    reason: str | None
    replaced_by: str | None = None
    not_replaced: str | None = None
    handed_over: int | None = None

    @property
    def contract(self) -> Row:
        """Columns of its row. Why a guest failed, the journal does not know."""
        same = {name: self.born.contract[name] for name in ("id", "shard", "sequence")}
        told = {"replaced_by": self.replaced_by, "not_replaced": self.not_replaced}
        told |= {} if self.state == FAILED else {"reason": self.reason}
        until = self.minute if self.handed_over is None else min(self.minute, self.handed_over)
        return same | told | {"state": self.state, "ended_minute": until}

    @property
    def billable(self) -> Row:
        """Columns of its row in billing, where what was busted is as if it had been to its end."""
        until = self.born.contract["end_minute"] if self.state == BUSTED else self.minute
        return {"contract_id": self.id, "ending": self.state, "ended_minute": until}


def births(place: TradePlace, trade: Trade, bid: Row, ask: Row, terms: dict[str, EntryFacts]) -> list[Birth]:
    """One for each guest. `bid` and `ask` are the orders' rows before the trade, `terms` by order."""
    of_bid, of_ask = terms[trade.bid], terms[trade.ask]
    instrument = (of_bid if trade.taker_side == "bid" else of_ask).instrument
    escrow, bond = escrow_of(trade, of_bid), bond_of(trade, ask["price_micros"], of_ask)
    made = []
    for guest in range(trade.guests):
        contract = _contract(place, trade, bid, ask, instrument, guest)
        if of_ask.contract is not None:
            contract["node_id"] = of_ask.contract.node
        billable = _billable(contract, ask["price_micros"], of_bid, of_ask, instrument)
        billable |= {"escrow_micros": escrow, "bond_micros": bond}
        entries = (
            (f"{contract['buyer_id']}/cash", -escrow),
            (f"{contract['buyer_id']}/escrow", escrow),
            (f"{contract['provider_id']}/cash", -bond),
            (f"{contract['provider_id']}/bond", bond),
        )
        moving = tuple(entry for entry in entries if entry[1])
        made.append(Birth(contract, billable, moving, _message(contract), _freed(contract, instrument)))
    return made


def _freed(contract: Row, instrument: InstrumentFacts) -> Row:
    return {
        "node": contract["node_id"],
        "slices": contract["slices"],
        "slice_vcpus": instrument.slice.vcpus,
        "slice_memory_mib": instrument.slice.memory_mib,
        "slice_disk_gib": instrument.slice.disk_gib,
        "end": contract["end_minute"],
    }


def _contract(place: TradePlace, trade: Trade, bid: Row, ask: Row, instrument: InstrumentFacts, guest: int) -> Row:
    seed = (place.shard, place.sequence, place.ordinal, guest)
    return {
        "id": derived_id("con", place.at_micros // 1000, *seed),
        "shard": place.shard,
        "sequence": place.sequence,
        "ordinal": place.ordinal,
        "instrument": bid["instrument"],
        "kind": instrument.kind,
        "bid_order_id": trade.bid,
        "ask_order_id": trade.ask,
        "buyer_id": bid["participant_id"],
        "provider_id": ask["participant_id"],
        "node_id": ask["node_id"],
        "resold_from": ask["backing_contract_id"],
        "start_minute": trade.start,
        "end_minute": trade.end,
        "slices": trade.slices_per_guest,
        "price_micros": trade.price_micros,
        "guest": _guest(trade.slices_per_guest, bid, instrument, bid["guests_filled"] + guest + 1),
        "replaces": bid["replaces"],
        "grows": bid["grows"],
        "created_at_micros": place.at_micros,
    }


def _guest(slices: int, bid: Row, instrument: InstrumentFacts, number: int) -> Row:
    template = bid["template"]
    return {
        "name": template["name"] if bid["guests"] == 1 else f"{template['name']}-{number}",
        "vcpus": slices * instrument.slice.vcpus,
        "memory_mib": slices * instrument.slice.memory_mib,
        "disk_gib": slices * instrument.slice.disk_gib,
        "image": template["image"],
        "cpu_shares": instrument.cpu_shares,
        "ssh_keys": template["ssh_keys"],
        "user_data": template["user_data"],
        "cpu_percent": 100,  # nothing in a bid changes these two yet
        "ports": [],
        "filesystem": template["filesystem"],
    }


def _billable(contract: Row, limit_micros: int, bid: EntryFacts, ask: EntryFacts, instrument: InstrumentFacts) -> Row:
    buyer, provider = bid.party.tax, ask.party.tax
    same = ("instrument", "buyer_id", "provider_id", "node_id", "kind", "start_minute", "end_minute", "slices")
    return {name: contract[name] for name in (*same, "price_micros")} | {
        "contract_id": contract["id"],
        "limit_price_micros": limit_micros,
        "fee_ppm": ask.party.fee_ppm,
        "buyer_vat_ppm": buyer.buyer_vat_ppm,
        "buyer_vat_category": buyer.buyer_vat_category,
        "buyer_identity_version": buyer.identity_version,
        "provider_vat_ppm": provider.provider_vat_ppm,
        "provider_vat_category": provider.provider_vat_category,
        "provider_identity_version": provider.identity_version,
        "release_ppm": instrument.release_ppm,
        "break_ppm": instrument.break_ppm,
        "allowance_minutes": instrument.delivery_deadline_minutes,
    }


def _message(contract: Row) -> Row:
    """The outbox row: its payload as parsed JSON."""
    return {
        "id": f"{contract['id']}:1",
        "subject": subjects.allocation(contract["node_id"], contract["id"]),
        "payload": {
            "contract": contract["id"],
            "revision": 1,
            "want": "run",
            "start": contract["start_minute"],
            "end": contract["end_minute"],
            "guest": contract["guest"],
            "extras": _NOTHING_ASKED,
            "generation": 0,
            "kind": contract["kind"],
            "bought_disk_gib": contract["guest"]["disk_gib"],
            "version": SPOKEN_SINCE.get(contract["kind"], WIRE_VERSION),
        },
    }
