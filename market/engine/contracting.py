"""From a trade to its contracts: one per guest or volume, with everything that billing and the agent will ever need."""

from __future__ import annotations

from billing.contracts import NewContract
from billing.terms import Terms, gross_with_vat
from common.ids import derived_id
from common.wire import GuestSpec
from market.engine.facts import InstrumentFacts
from market.engine.records import AskRecord, BidRecord, ContractRecord, Stamp
from matching.events import Trade


def new_contract(
    stamp: Stamp, ordinal: int, guest: int, trade: Trade, bid: BidRecord, ask: AskRecord
) -> ContractRecord:
    """The contract of guest number `guest` (from 0) of a trade, at the trade's price, on terms frozen now: the taker's
    newer reading of the instrument, both sides' fee and tax as they were when their orders entered."""
    taker = bid if trade.taker_side == "bid" else ask
    slice_minutes = trade.slices_per_guest * (trade.end - trade.start)
    vat_ppm = bid.terms.tax.buyer_vat_ppm
    billed = NewContract(
        contract_id=derived_id("con", stamp.at_micros // 1000, stamp.shard, stamp.sequence, ordinal, guest),
        instrument=bid.bid.instrument,
        buyer_id=bid.participant,
        provider_id=ask.participant,
        node_id=ask.ask.node,
        kind=taker.terms.instrument.kind,
        start_minute=trade.start,
        end_minute=trade.end,
        slices=trade.slices_per_guest,
        price_micros=trade.price_micros,
        limit_price_micros=ask.ask.price_micros,
        terms=_terms(bid, ask, taker.terms.instrument),
        escrow_micros=gross_with_vat(trade.price_micros, slice_minutes, vat_ppm),
        bond_micros=ask.bond_micros(slice_minutes),
    )
    spec = _guest(bid.guests_filled + guest + 1, trade, bid, taker.terms.instrument)
    links = (bid.bid.replaces, ask.ask.contract, bid.bid.grows)
    return ContractRecord(stamp, ordinal, bid.id, ask.id, billed, spec, *links)


def _terms(bid: BidRecord, ask: AskRecord, instrument: InstrumentFacts) -> Terms:
    buyer, provider = bid.terms.tax, ask.terms.tax
    return Terms(
        fee_ppm=ask.terms.fee_ppm,
        buyer_vat_ppm=buyer.buyer_vat_ppm,
        buyer_vat_category=buyer.buyer_vat_category,
        buyer_identity_version=buyer.identity_version,
        provider_vat_ppm=provider.provider_vat_ppm,
        provider_vat_category=provider.provider_vat_category,
        provider_identity_version=provider.identity_version,
        release_ppm=instrument.release_ppm,
        break_ppm=instrument.break_ppm,
        allowance_minutes=instrument.delivery_deadline_minutes,
    )


def _guest(number: int, trade: Trade, bid: BidRecord, instrument: InstrumentFacts) -> GuestSpec:
    slices, vector, template = trade.slices_per_guest, instrument.slice, bid.bid.template
    return GuestSpec(
        name=template.name if bid.bid.guests == 1 else f"{template.name}-{number}",
        vcpus=slices * vector.vcpus,
        memory_mib=slices * vector.memory_mib,
        disk_gib=slices * vector.disk_gib,
        image=template.image,
        cpu_shares=instrument.cpu_shares,
        ssh_keys=template.ssh_keys,
        user_data=template.user_data,
        filesystem=template.filesystem,
    )
