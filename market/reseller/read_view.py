"""Reading what resellers see: all nodes of a turn together, in a few statements and one moment of the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select, tuple_

from billing import ledger
from common.minutes import MICROS_PER_MINUTE
from common.wire import Capacity
from market.reseller.decide import own_prefix
from market.reseller.settings import Memory, ResellerSettings
from market.reseller.supply import Taken, Vector
from market.reseller.view import OwnAsk, Seen, Trading, View
from market.reseller.zip_trader import Shout
from market.tables import contract, instrument, node, orders, participant, slice_class, trade

_LIVE = ("scheduled", "provisioning", "running", "stopped")
_OPEN = ("new", "partially_filled")
_LOOK_BACK_MINUTES = 10
"""Trades that are older are no news."""
_MOST_TRADES = 2000
"""So many trades, the newest ones, are looked at in a turn."""

Wanted = Mapping[str, tuple[ResellerSettings, Memory]]
"""Nodes by id, with what their providers want and what their resellers remember."""


def see(connection: Connection, wanted: Wanted, minute: int) -> dict[str, Seen]:
    """What the resellers of these nodes see. The connection's transaction must read one moment (REPEATABLE READ)."""
    nodes = connection.execute(
        select(node, participant.c.fee_ppm)
        .join(participant, participant.c.id == node.c.participant_id)
        .where(node.c.id.in_(wanted))
    ).all()
    codes = sorted({code for settings, _ in wanted.values() for code in settings.instruments})
    tradings = _tradings(connection, codes)
    cheapest, recent = _cheapest(connection, codes, minute), _recent_trades(connection, codes, minute)
    asks, sold = _open_asks(connection, list(wanted), minute)
    contracts = _sold(connection, list(wanted), minute)
    cash = ledger.cash(connection, sorted({row.participant_id for row in nodes}))
    seen = {}
    for row in nodes:
        settings, memory = wanted[row.id]
        own, others = _split(row.id, asks.get(row.id, []), sold)
        known = [tradings[code] for code in settings.instruments if code in tradings]
        view = View(
            **_node_columns(row),
            available_micros=cash[row.participant_id].available_micros,
            newest_sequence=max((each.sequence for each in recent if each.shard == row.zone), default=0),
            contracts=tuple(contracts.get(row.id, ())),
            other_asks=tuple(others),
            own_asks=tuple(own),
            instruments=tuple(_with_market(trading, row, memory, cheapest, recent) for trading in known),
        )
        seen[row.id] = Seen(minute, settings, view, memory)
    return seen


def _node_columns(row: Row[Any]) -> dict[str, Any]:
    return {
        "node": row.id,
        "participant": row.participant_id,
        "zone": row.zone,
        "state": "draining" if row.draining else row.state,
        "offered": Capacity(row.vcpus, row.memory_mib, row.disk_gib),
        "measured": None if row.measured is None else Capacity(**row.measured),
        "own_work": None if row.own_work is None else Capacity(**row.own_work),
        "reserved_until": row.reserved_until,
        "fee_ppm": row.fee_ppm,
    }


def _tradings(connection: Connection, codes: list[str]) -> dict[str, Trading]:
    query = select(instrument, slice_class.c.vcpus, slice_class.c.memory_mib, slice_class.c.disk_gib).join(
        slice_class, slice_class.c.name == instrument.c.slice_class
    )
    return {
        row.code: Trading(
            code=row.code,
            vector=(row.vcpus, row.memory_mib, row.disk_gib),
            mode=row.mode,
            tick_micros=row.tick_micros,
            price_min_micros=row.price_min_micros,
            price_max_micros=row.price_max_micros,
            min_minutes=row.min_minutes,
            max_minutes=row.max_minutes,
            horizon_minutes=row.horizon_minutes,
            bond_ppm=row.bond_ppm,
        )
        for row in connection.execute(query.where(instrument.c.code.in_(codes)))
    }


def _cheapest(connection: Connection, codes: list[str], minute: int) -> dict[str, dict[str, int]]:
    """Of every instrument, each participant's cheapest ask of a node."""
    shards = sorted({code.split(".")[0] for code in codes})
    query = (
        select(orders.c.instrument, orders.c.participant_id, func.min(orders.c.price_micros).label("price"))
        .where(orders.c.shard.in_(shards), orders.c.instrument.in_(codes), orders.c.state.in_(_OPEN))
        .where(orders.c.side == "ask", orders.c.backing_contract_id.is_(None), orders.c.available_until > minute + 1)
        .group_by(orders.c.instrument, orders.c.participant_id)
    )
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for row in connection.execute(query):
        found[row.instrument][row.participant_id] = row.price
    return found


def _recent_trades(connection: Connection, codes: list[str], minute: int) -> list[Row[Any]]:
    since = (minute - _LOOK_BACK_MINUTES) * MICROS_PER_MINUTE
    query = (
        select(trade, orders.c.node_id, orders.c.client_order_id)
        .join(orders, orders.c.id == trade.c.ask_order_id)
        .where(trade.c.instrument.in_(codes), trade.c.at_micros > since)
        .order_by(trade.c.at_micros.desc(), trade.c.sequence.desc(), trade.c.ordinal.desc())
        .limit(_MOST_TRADES)
    )
    return list(reversed(connection.execute(query).all()))


def _open_asks(
    connection: Connection, nodes: list[str], minute: int
) -> tuple[dict[str, list[Row[Any]]], dict[str, list[tuple[int, int, int]]]]:
    """The asks on the books by node, each with its slice class; and by ask, the slices that it has sold of minutes to
    come."""
    query = (
        select(orders, slice_class.c.vcpus, slice_class.c.memory_mib, slice_class.c.disk_gib)
        .join(instrument, instrument.c.code == orders.c.instrument)
        .join(slice_class, slice_class.c.name == instrument.c.slice_class)
        .where(orders.c.node_id.in_(nodes), orders.c.state.in_(_OPEN), orders.c.available_until > minute + 1)
        .order_by(orders.c.id)
    )
    asks: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(query):
        asks[row.node_id].append(row)
    ids = [row.id for rows in asks.values() for row in rows]
    sold: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    traded = select(trade).where(trade.c.ask_order_id.in_(ids), trade.c.end_minute > minute + 1)
    for row in connection.execute(traded.order_by(tuple_(trade.c.sequence, trade.c.ordinal))):
        sold[row.ask_order_id].append((row.start_minute, row.end_minute, row.guests * row.slices_per_guest))
    return asks, sold


def _sold(connection: Connection, nodes: list[str], minute: int) -> dict[str, list[Taken]]:
    """What contracts take of the nodes, those included that end early and have not done so yet."""
    leaving = and_(
        contract.c.ended_minute.is_not(None),
        contract.c.want != "gone",
        contract.c.guest_state.is_distinct_from("removed"),
    )
    end = func.coalesce(contract.c.ended_minute, contract.c.end_minute).label("end")
    query = (
        select(contract.c.node_id, contract.c.start_minute, end, contract.c.slices, slice_class)
        .join(instrument, instrument.c.code == contract.c.instrument)
        .join(slice_class, slice_class.c.name == instrument.c.slice_class)
        .where(contract.c.node_id.in_(nodes), or_(contract.c.state.in_(_LIVE), leaving), end > minute + 1)
    )
    taken: dict[str, list[Taken]] = defaultdict(list)
    for row in connection.execute(query):
        taken[row.node_id].append(Taken(row.start_minute, row.end, _slices(row, row.slices)))
    return taken


def _split(
    node_id: str, rows: Iterable[Row[Any]], sold: Mapping[str, list[tuple[int, int, int]]]
) -> tuple[list[OwnAsk], list[Taken]]:
    """The reseller's own asks; and what the provider's others take of the node."""
    own: list[OwnAsk] = []
    others: list[Taken] = []
    for row in rows:
        ask = OwnAsk(
            order=row.id,
            instrument=row.instrument,
            revision=row.revision,
            price_micros=row.price_micros,
            reserved_micros=row.reserved_micros,
            start=row.available_from,
            end=row.available_until,
            slices=row.slices,
            sold=tuple(sold.get(row.id, ())),
            remaining=tuple((start, end, slices) for start, end, slices in row.remaining) if row.linked else None,
            entered_minute=row.entered_minute,
        )
        if (row.client_order_id or "").startswith(own_prefix(node_id)):
            own.append(ask)
        else:
            others += ask.taken(_slices(row, 1))
    return own, others


def _with_market(
    trading: Trading,
    row: Row[Any],
    memory: Memory,
    cheapest: Mapping[str, Mapping[str, int]],
    recent: Iterable[Row[Any]],
) -> Trading:
    prices = [price for party, price in cheapest.get(trading.code, {}).items() if party != row.participant_id]
    trades = tuple(
        (
            Shout(each.price_micros, each.taker_side, accepted=True),
            each.node_id == row.id and (each.client_order_id or "").startswith(own_prefix(row.id)),
        )
        for each in recent
        if each.instrument == trading.code and each.sequence > memory.seen_sequence
    )
    return trading.having_seen(min(prices, default=None), trades)


def _slices(row: Row[Any], slices: int) -> Vector:
    return row.vcpus * slices, row.memory_mib * slices, row.disk_gib * slices
