"""More or fewer slices of a guest, for those who ask for it: by way of the engine, which buys and frees them."""

from __future__ import annotations

from dataclasses import dataclass

from market.engine.client import EngineClient, error_of
from market.engine.commands import RescaleContract


@dataclass(frozen=True, slots=True)
class Rescaled:
    """The price of slices that were bought, None where none were, and what went into escrow for them with VAT; or what
    was paid for those that were released, with VAT, and came back from escrow. In micro-units."""

    price_micros: int | None
    escrow_micros: int
    fee_micros: int
    refund_micros: int


async def rescale_contract(engine: EngineClient, shard: str, command: RescaleContract) -> Rescaled:
    """Do it, or tell what it would cost. Raises what `market.engine.growing.rescale` does, and Unavailable: then the
    outcome is unknown, and asking again does it once."""
    [answer] = await engine.submit(shard, [command])
    if answer.problem is not None:
        raise error_of(answer.problem)
    price = answer.trades[0]["price_micros"] if answer.trades else None
    ended = answer.ended or {"fee_micros": 0, "refund_micros": 0}
    return Rescaled(price, answer.value_micros, ended["fee_micros"], ended["refund_micros"])
