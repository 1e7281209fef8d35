"""Random batches of commands for an engine without a database, on facts that the test makes: few participants with
little cash, small nodes, short windows, so that everything runs out."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from billing.tax import TaxProfile
from common.minutes import MICROS_PER_MINUTE
from common.wire import Capacity
from market.engine.batch_run import BatchRun
from market.engine.commands import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    Command,
    Expire,
    GuestTemplate,
    PlaceAsk,
    PlaceBid,
    PlaceGroup,
)
from market.engine.facts import Facts, InstrumentFacts, NodeFacts, PartyFacts
from market.engine.state import EngineState
from matching.journal import JournalBlock, decode_block, encode_block

ZONE = "z"
CODES = ("z.std.firm", "z.mem.firm")
START = 1000
REACH = 60
"""No window reaches further ahead than so many minutes."""
SLICES = {"z.std.firm": Capacity(1, 2048, 10), "z.mem.firm": Capacity(1, 8192, 10)}
SELLERS = ("s1", "s2")
BUYERS = ("b1", "b2", "s1")
NODES = {"n1": ("s1", Capacity(6, 16_000, 60)), "n2": ("s2", Capacity(9, 90_000, 70))}
CASH = {"s1": 20_000, "s2": 3_000, "b1": 9_000, "b2": 2_500}
VAT = {"s1": 0, "s2": 0, "b1": 190_000, "b2": 77_777}
_SELDOM = st.sampled_from((*[False] * 9, True))

Batch = tuple[int, list[Command]]
"""Minutes that pass, and what comes then in one batch."""


@st.composite
def batches(draw: st.DrawFn) -> list[Batch]:
    """Orders are o0, o1 and so on; amendments and cancels name any of them, with any revision."""
    made: list[Batch] = []
    minute, entered = START, 0
    for _ in range(draw(st.integers(3, 9))):
        passing = draw(st.sampled_from((0, 0, 1, 4)))
        minute += passing
        commands: list[Command] = []
        for _ in range(draw(st.integers(1, 6))):
            kind = draw(st.sampled_from("bbbbaaaammcxegg"))
            known = f"o{draw(st.integers(0, max(0, entered - 1)))}"
            if kind == "g":
                commands.append(draw(_groups(entered, minute)))
                entered += 3
            elif kind in "ba":
                commands.append(draw((_bids if kind == "b" else _asks)(f"o{entered}", minute)))
                entered += 1
            else:
                commands.append(draw(_of_kind(kind, known)))
        made.append((passing, commands))
    return made


def _of_kind(kind: str, order: str) -> st.SearchStrategy[Command]:
    if kind == "e":
        return st.just(Expire())
    if kind == "x":
        return st.builds(CancelAll, st.sampled_from(BUYERS))
    party = st.sampled_from((*BUYERS, *SELLERS))
    if kind == "c":
        return st.builds(CancelOrder, st.just(order), party)
    revision = st.sampled_from((1, 1, 1, 2))
    sizes = ({"guests": st.integers(1, 3)}, {"slices": st.integers(1, 4)}, {"price_micros": st.integers(2, 9)})
    return st.one_of(*(st.builds(AmendOrder, st.just(order), party, revision, **size) for size in sizes))


def _shared(order: str, minute: int) -> dict[str, Any]:
    return {
        "order": st.just(order),
        "client_order_id": st.none(),
        "instrument": st.sampled_from((*CODES, CODES[0], CODES[0])),
        "time_in_force": st.sampled_from(("gtc", "gtc", "gtc", "gtc", "gtd", "ioc", "fok")),
        "expires_at": st.integers(minute, minute + 8),
        "post_only": _SELDOM,
        "self_trade_prevention": st.sampled_from(("cancel_taker", "cancel_maker", "cancel_both")),
    }


def _bids(order: str, minute: int) -> st.SearchStrategy[PlaceBid]:
    return st.builds(
        PlaceBid,
        participant=st.sampled_from(BUYERS),
        price_micros=st.integers(4, 9),
        guests=st.integers(1, 4),
        slices_per_guest=st.sampled_from((1, 1, 2, 3)),
        duration_minutes=st.integers(1, 9),
        start_from=st.one_of(st.none(), st.integers(minute + 1, minute + 6)),
        start_by=st.integers(minute + 6, minute + 20),
        template=st.just(GuestTemplate("web", "default")),
        nodes=st.sampled_from(((), (), (), ("n1",))),
        avoid_providers=st.sampled_from(((), (), (), ("s2",))),
        **_shared(order, minute),
    )


@st.composite
def _groups(draw: st.DrawFn, entered: int, minute: int) -> PlaceGroup:
    """Three bids of one participant."""
    bids = [draw(_bids(f"o{number}", minute)) for number in range(entered, entered + 3)]
    return PlaceGroup(tuple(dataclasses.replace(bid, participant=bids[0].participant) for bid in bids))


def _asks(order: str, minute: int) -> st.SearchStrategy[Command]:
    return st.builds(
        lambda node, **given: PlaceAsk(participant=NODES[node][0], node=node, **given),
        linked=st.booleans(),
        keep=st.sampled_from((Capacity(0, 0, 0), Capacity(0, 0, 0), Capacity(2, 0, 0))),
        node=st.sampled_from(tuple(NODES)),
        price_micros=st.integers(2, 7),
        slices=st.integers(1, 4),
        available_from=st.one_of(st.none(), st.integers(minute - 1, minute + 9)),
        available_until=st.integers(minute + 9, minute + 40),
        min_minutes=st.sampled_from((1, 1, 1, 5)),
        **_shared(order, minute),
    )


@dataclass
class RandomMarket:
    """An engine's memory with the money around it: cash in all, reserved of it, and what contracts have taken."""

    state: EngineState = field(default_factory=lambda: EngineState(ZONE))
    cash: Counter[str] = field(default_factory=lambda: Counter(CASH))
    reserved: Counter[str] = field(default_factory=Counter)
    escrow: Counter[str] = field(default_factory=Counter)
    bond: Counter[str] = field(default_factory=Counter)
    sequence: int = 1
    minute: int = START

    def process(self, batch: Batch) -> tuple[BatchRun, JournalBlock]:
        """The batch as it ran, and its journal block as it is read back."""
        passing, commands = batch
        self.minute += passing
        at_micros = self.minute * MICROS_PER_MINUTE
        run = BatchRun(self.state, ZONE, self.sequence, at_micros, self._facts())
        for command in commands:
            run.answer(command)
        self.state.forget()
        self._follow(run)
        block = decode_block(encode_block(JournalBlock(ZONE, self.sequence, tuple(run.journaled))))
        self.sequence += len(block.entries)
        return run, block

    def _follow(self, run: BatchRun) -> None:
        self.reserved.update(run.effects.reservations)
        for record in run.effects.contracts:
            billed = record.billed
            self.cash[billed.buyer_id] -= billed.escrow_micros
            self.escrow[billed.buyer_id] += billed.escrow_micros
            self.cash[billed.provider_id] -= billed.bond_micros
            self.bond[billed.provider_id] += billed.bond_micros

    def _facts(self) -> Facts:
        parties = {
            name: PartyFacts(self.cash[name] - self.reserved[name], name in SELLERS, 20_000, _tax(name), 500_000)
            for name in CASH
        }
        nodes = {
            name: NodeFacts(name, owner, ZONE, "online", offered, START + 10 * REACH)
            for name, (owner, offered) in NODES.items()
        }
        return Facts(instruments={code: _instrument(code) for code in CODES}, parties=parties, nodes=nodes)


def _tax(name: str) -> TaxProfile:
    return TaxProfile(VAT[name], "S" if VAT[name] else "O", 0, "O", 1)


def _instrument(code: str) -> InstrumentFacts:
    return InstrumentFacts(
        code=code,
        zone=ZONE,
        kind="guest",
        mode="open",
        tick_micros=1,
        price_min_micros=1,
        price_max_micros=1000,
        min_minutes=1,
        max_minutes=1000,
        horizon_minutes=10 * REACH,
        delivery_deadline_minutes=5,
        bond_ppm=333_333,
        release_ppm=100_000,
        break_ppm=100_000,
        slice=SLICES[code],
        cpu_shares=1024,
    )


def contracts_of(runs: Sequence[BatchRun]) -> list[Any]:
    """What billing would get of these batches."""
    return [record.billed for run in runs for record in run.effects.contracts]
