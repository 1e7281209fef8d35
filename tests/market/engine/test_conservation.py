"""Random histories through the engine: the auditor agrees, money and slices are conserved, no node is ever oversold."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings

from common.wire import Capacity
from market.engine.batch_run import BatchRun
from matching.auditor.auditor import Auditor
from matching.auditor.facts import entry_facts
from matching.auditor.holding import AskHolding
from matching.auditor.supply import at
from matching.events import Event, Trade
from matching.journal import JournalBlock
from matching.shard import Shard
from tests.market.engine.random_market import (
    CASH,
    NODES,
    REACH,
    SLICES,
    ZONE,
    Batch,
    RandomMarket,
    batches,
    contracts_of,
)
from tests.matching.histories import HISTORIES


@settings(max_examples=HISTORIES)
@given(batches())
def test_engine_book_and_auditor_agree_and_nothing_is_lost(history: list[Batch]) -> None:
    market, book, auditor = RandomMarket(), Shard(ZONE), Auditor(ZONE)
    runs: list[BatchRun] = []
    bought: Counter[str] = Counter()
    for batch in history:
        run, block = market.process(batch)
        runs.append(run)
        events = _audit(block, book, auditor)
        trades = [event for event in events if isinstance(event, Trade)]
        assert [trade for _, _, trade, _ in run.effects.trades] == trades
        for trade in trades:
            bought[trade.ask] += trade.guests * trade.slices_per_guest * (trade.end - trade.start)
        assert market.state.shard.state_hash() == book.state_hash()
        _check_money(market, auditor)
        _check_nodes(market, auditor, runs)
    contracted = sum(billed.slices * (billed.end_minute - billed.start_minute) for billed in contracts_of(runs))
    assert sum(bought.values()) == contracted


def _audit(block: JournalBlock, book: Shard, auditor: Auditor) -> list[Event]:
    found: list[Event] = []
    if block.entries:
        auditor.begin(block)
    for entry in block.entries:
        events = book.apply(entry.command)
        auditor.check(entry, entry_facts(entry), events)
        auditor.check_all_pairs()
        found += events
    return found


def _check_money(market: RandomMarket, auditor: Auditor) -> None:
    """What is reserved is what open orders bind; nobody has less cash than that; nothing has come or gone."""
    bound: Counter[str] = Counter()
    for holding in auditor.twin.open:
        order, participant = holding.entry.order, holding.entry.participant
        assert market.state.open[order].reserved_micros == auditor.reserved[order]
        bound[participant] += auditor.reserved[order]
    assert len(auditor.reserved) == len(auditor.twin.open) == len(market.state.open)
    for name, cash in CASH.items():
        assert market.reserved[name] == bound[name]
        assert 0 <= market.reserved[name] <= market.cash[name]
        assert market.cash[name] + market.escrow[name] + market.bond[name] == cash


def _check_nodes(market: RandomMarket, auditor: Auditor, runs: list[BatchRun]) -> None:
    """At every minute from now on, remaining supply and sold windows stay within what the node offers."""
    asks = [holding for holding in auditor.twin.open if isinstance(holding, AskHolding)]
    contracts = contracts_of(runs)
    for name, (_, offered) in NODES.items():
        for minute in range(market.minute + 1, market.minute + REACH):
            slices: Counter[str] = Counter()
            shared = [Capacity(0, 0, 0)]
            for ask in asks:
                if ask.entry.node == name and ask.offered is None:
                    slices[ask.entry.instrument] += at(ask.supply, minute)
                elif ask.entry.node == name:
                    shared.append(_resources(Counter({ask.entry.instrument: at(ask.supply, minute)})))
            for billed in contracts:
                if billed.node_id == name and billed.start_minute <= minute < billed.end_minute:
                    slices[billed.instrument] += billed.slices
            used = _resources(slices)
            assert used.vcpus + max(each.vcpus for each in shared) <= offered.vcpus
            assert used.memory_mib + max(each.memory_mib for each in shared) <= offered.memory_mib
            assert used.disk_gib + max(each.disk_gib for each in shared) <= offered.disk_gib


def _resources(slices: Counter[str]) -> Capacity:
    return Capacity(
        sum(number * SLICES[code].vcpus for code, number in slices.items()),
        sum(number * SLICES[code].memory_mib for code, number in slices.items()),
        sum(number * SLICES[code].disk_gib for code, number in slices.items()),
    )
