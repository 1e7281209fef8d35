"""Commands with everything that a story does not care about filled in."""

from __future__ import annotations

from matching.commands import Amend, Cancel, EnterAsk, EnterBid, InstrumentMode, SelfTradePrevention, TimeInForce

NOW = 1000
"""The minute at which stories begin; the first minute that can trade is the next one."""
SOON = NOW + 1


def bid(
    order: str,
    price: int = 100,
    *,
    minute: int = NOW,
    participant: str = "buyer",
    instrument: str = "z.std.firm",
    guests: int = 1,
    slices: int = 1,
    duration: int = 60,
    start_from: int = SOON,
    start_by: int = SOON,
    tif: TimeInForce = "gtc",
    expires_at: int | None = None,
    post_only: bool = False,
    stp: SelfTradePrevention = "cancel_taker",
    nodes: tuple[str, ...] = (),
    avoid: tuple[str, ...] = (),
    reliability: int = 0,
    mode: InstrumentMode = "open",
) -> EnterBid:
    """A bid for one guest of one slice for an hour, starting at the next minute."""
    return EnterBid(
        minute=minute,
        order=order,
        participant=participant,
        instrument=instrument,
        price_micros=price,
        guests=guests,
        slices_per_guest=slices,
        duration_minutes=duration,
        start_from=start_from,
        start_by=start_by,
        time_in_force=tif,
        expires_at=expires_at,
        post_only=post_only,
        self_trade_prevention=stp,
        nodes=nodes,
        avoid_providers=avoid,
        min_reliability_ppm=reliability,
        mode=mode,
    )


def ask(
    order: str,
    price: int = 100,
    *,
    minute: int = NOW,
    participant: str = "seller",
    instrument: str = "z.std.firm",
    node: str = "node",
    slices: int = 1,
    start: int = SOON,
    until: int = SOON + 60,
    min_minutes: int = 1,
    tif: TimeInForce = "gtc",
    vector: tuple[int, int, int] = (1, 2048, 10),
    expires_at: int | None = None,
    post_only: bool = False,
    stp: SelfTradePrevention = "cancel_taker",
    reliability: int = 0,
    mode: InstrumentMode = "open",
    contract: str | None = None,
    deliverer: str | None = None,
) -> EnterAsk:
    """An ask for one slice during the next hour; of the node, or with a contract, of that."""
    vector = vector if contract is None else (0, 0, 0)
    return EnterAsk(
        minute=minute,
        order=order,
        participant=participant,
        instrument=instrument,
        node=node,
        price_micros=price,
        slices=slices,
        available_from=start,
        available_until=until,
        min_minutes=min_minutes,
        time_in_force=tif,
        slice_vcpus=vector[0],
        slice_memory_mib=vector[1],
        slice_disk_gib=vector[2],
        expires_at=expires_at,
        post_only=post_only,
        self_trade_prevention=stp,
        reliability_ppm=reliability,
        mode=mode,
        contract=contract,
        deliverer=deliverer,
    )


def amend(
    order: str,
    *,
    minute: int = NOW,
    guests: int | None = None,
    slices: int | None = None,
    price: int | None = None,
    mode: InstrumentMode = "open",
) -> Amend:
    """Its participant changes one thing of an order."""
    return Amend(minute, order, guests, slices, price, mode)


def cancel(order: str, *, minute: int = NOW) -> Cancel:
    """Its participant cancels an order."""
    return Cancel(minute, order, "requested")
