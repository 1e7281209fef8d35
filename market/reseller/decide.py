"""One turn of the reseller: what it changes about a node's offers now, at most one thing, and why. Pure.

What must not be offered leaves first; then the largest gap is offered; then the offer whose price is most off moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from common.ids import derived_id
from common.minutes import MICROS_PER_MINUTE, minute_text
from common.money import Money
from common.price import Price
from market.engine.commands import AmendOrder, CancelOrder, Command, PlaceAsk
from market.reseller.funds import within_funds
from market.reseller.own_work import kept_back, with_own_work
from market.reseller.pricing import Priced, price_all, remembered
from market.reseller.settings import Memory
from market.reseller.shape import Gap, gap_of, is_worth_a_move, overcommitted, sales_end, shortest_minutes, takes_asks
from market.reseller.situation import situation_sentences
from market.reseller.strategies import worth_changing
from market.reseller.supply import Rectangle
from market.reseller.view import OwnAsk, Seen

CLIENT_ID = "reseller"
"""What the client_order_id of every ask of the reseller begins with."""
_PATIENCE_MINUTES = 5
"""For so long after a refusal no other ask is placed."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Commands for the engine, which are one change; the sentences that explain the turn; what is remembered of it; and
    the prices that it was decided on."""

    commands: tuple[Command, ...]
    sentences: tuple[str, ...]
    memory: Memory
    prices: tuple[Priced, ...] = ()


@dataclass(frozen=True, slots=True)
class _Step:
    commands: tuple[Command, ...]
    sentence: str


def own_prefix(node: str) -> str:
    """What the client_order_id of every ask begins with that the reseller places for this node."""
    return f"{CLIENT_ID}-{node}-"


def decide(seen: Seen) -> Decision:
    """What to do in this minute for a node whose reseller is on."""
    seen = with_own_work(seen)
    priced = price_all(seen)
    step = _withdrawal(seen, priced) or _placement(seen, priced) or _repricing(seen, priced) or _nothing(seen)
    sentences = (*situation_sentences(seen), *(each.sentence for each in priced), step.sentence)
    return Decision(step.commands, sentences, remembered(seen, priced), tuple(priced))


def withdraw(asks: Sequence[OwnAsk], participant: str) -> tuple[Command, ...]:
    """Take these asks off the book."""
    return tuple(CancelOrder(ask.order, participant) for ask in asks)


def _withdrawal(seen: Seen, priced: list[Priced]) -> _Step | None:
    unsellable = {each.trading.code for each in priced if each.corridor is None}
    leaving = [ask for ask in seen.view.own_asks if ask.instrument in unsellable] or overcommitted(seen)
    if not leaving:
        return None
    sentence = f"Now: {len(leaving)} of your offers leave the book, because what they offer is not free any more."
    if unsellable:
        sentence = f"Now: {len(leaving)} of your offers leave the book, because their price would not pay."
    return _Step(withdraw(leaving, seen.view.participant), sentence)


def _placement(seen: Seen, priced: list[Priced]) -> _Step | None:
    refusal = seen.memory.refusal
    if seen.view.state != "online" or (refusal is not None and seen.minute < refusal.minute + _PATIENCE_MINUTES):
        return None
    gap = gap_of(seen)
    if gap is None:
        return None
    price = next((each.quote for each in priced if each.trading is gap.trading), None)
    if price is None:
        return None
    shortest = shortest_minutes(seen, gap.trading)
    back_micros = 0 if gap.instead_of is None else gap.instead_of.reserved_micros
    funds = seen.view.available_micros + back_micros
    covered = within_funds(gap.rectangle, gap.trading, price.price_micros, funds, shortest)
    if covered is None:
        return _too_poor(gap, price.price_micros, shortest)
    if gap.instead_of is not None:
        return _making_room(seen, gap, covered)
    if covered.area < gap.rectangle.area and covered.minutes < 2 * shortest and seen.view.own_asks:
        return None  # crumbs, while the money is bound in larger offers
    return _offer(seen, gap, covered, price.price_micros)


def _offer(seen: Seen, gap: Gap, area: Rectangle, price_micros: int) -> _Step:
    view, trading = seen.view, gap.trading
    ask = PlaceAsk(
        order=derived_id("ord", seen.minute * MICROS_PER_MINUTE // 1000, CLIENT_ID, view.node, seen.minute),
        participant=view.participant,
        client_order_id=f"{own_prefix(view.node)}{seen.minute}",
        instrument=trading.code,
        price_micros=price_micros,
        time_in_force="gtc",
        node=view.node,
        slices=area.slices,
        available_from=None if area.start == seen.minute + 1 else area.start,
        available_until=area.end,
        min_minutes=shortest_minutes(seen, trading),
        linked=True,
        keep=kept_back(seen),
    )
    bound = Money(trading.bond_micros(price_micros, area.area))
    sentence = (
        f"Now: {area.slices} slices of {trading.code} from {minute_text(area.start)} to {minute_text(area.end)} are"
        f" offered at {Price(price_micros).hourly()} per slice-hour; as a pledge that you deliver, {bound} of your cash"
        f" is set aside."
    )
    return _Step((ask,), sentence)


def _making_room(seen: Seen, gap: Gap, covered: Rectangle) -> _Step | None:
    old = gap.instead_of
    if old is None or not is_worth_a_move(seen, gap.trading, old, covered):
        return None
    sentence = (
        f"Now: an offer of {old.slices} slices of {old.instrument} leaves the book, so that in the next minute"
        f" {covered.slices} slices until {minute_text(covered.end)} can be offered in one piece."
    )
    return _Step(withdraw([old], seen.view.participant), sentence)


def _too_poor(gap: Gap, price_micros: int, shortest: int) -> _Step | None:
    if gap.instead_of is not None:
        return None
    least = Money(gap.trading.bond_micros(price_micros, shortest))
    sentence = (
        f"Now: nothing, because an offer needs a pledge in cash, and your account has too little: pay in at least"
        f" {least}, better {Money(gap.trading.bond_micros(price_micros, gap.rectangle.area))}."
    )
    return _Step((), sentence)


def _repricing(seen: Seen, priced: list[Priced]) -> _Step | None:
    found = [step for each in priced for step in _moves(seen, each)]
    if not found:
        return None
    ask, price, reason = max(found, key=lambda move: (move[0].slice_minutes_left(seen.minute), move[0].order))
    sentence = (
        f"Now: the price of {ask.slices} slices of {ask.instrument} goes from {Price(ask.price_micros).hourly()} to"
        f" {Price(price).hourly()} per slice-hour, because {reason}."
    )
    return _Step((AmendOrder(ask.order, seen.view.participant, ask.revision, price_micros=price),), sentence)


def _moves(seen: Seen, priced: Priced) -> list[tuple[OwnAsk, int, str]]:
    """Own asks of the instrument whose prices should move, and which the provider can afford to move."""
    corridor, wanted, trading = priced.corridor, priced.quote, priced.trading
    if corridor is None or wanted is None or not takes_asks(trading) or seen.view.state != "online":
        return []
    moves = []
    for ask in seen.view.own_asks:
        left = ask.slice_minutes_left(seen.minute)
        if ask.instrument != trading.code or not worth_changing(ask.price_micros, wanted.price_micros, corridor):
            continue
        more = trading.bond_micros(wanted.price_micros, left) - trading.bond_micros(ask.price_micros, left)
        if left > 0 and more <= seen.view.available_micros:
            moves.append((ask, wanted.price_micros, wanted.reason))
    return moves


def _nothing(seen: Seen) -> _Step:
    if seen.view.state == "draining":
        sentence = "Now: nothing, because the node is being drained: nothing more of it is sold."
    elif seen.view.state != "online":
        sentence = f"Now: nothing, because the node is {seen.view.state}: its agent has to be connected first."
    elif seen.minute + 1 >= sales_end(seen):
        sentence = "Now: nothing, the time until which you wanted to sell is over."
    elif seen.memory.refusal is not None and seen.minute < seen.memory.refusal.minute + _PATIENCE_MINUTES:
        sentence = f"Now: nothing; the market refused an offer a moment ago: {seen.memory.refusal.message}."
    elif seen.view.own_asks:
        sentence = "Now: nothing. Everything that can be offered is offered, at the right price."
    else:
        sentence = "Now: nothing. There is no free slice that could be offered for long enough."
    return _Step((), sentence)
