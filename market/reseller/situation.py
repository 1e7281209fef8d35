"""What the provider is told about its node before it is told what happens: what is sold, kept, offered and free."""

from __future__ import annotations

from common.minutes import minute_text
from common.wire import Capacity
from market.reseller.own_work import kept_back
from market.reseller.settings import NOTHING
from market.reseller.shape import sales_end, supply, takes_asks
from market.reseller.supply import plus
from market.reseller.view import Seen


def situation_sentences(seen: Seen) -> list[str]:
    """In the order in which one would ask."""
    view, kept = seen.view, kept_back(seen)
    told = [f"The node offers {_amount(view.offered)}; it is sold until {minute_text(sales_end(seen))} at the latest."]
    if kept != NOTHING:
        more = "" if kept == seen.settings.keep else ", as your own work has used more than what you wanted to keep"
        told.append(f"{_amount(kept)} of it are kept back for you{more}.")
    taken = (0, 0, 0)
    for sold in view.contracts:
        if sold.start <= seen.minute + 1 < sold.end:
            taken = plus(taken, sold.amount)
    told.append(f"Sold for the next minute: {_amount(Capacity(*taken))}.")
    if seen.minute + 1 < sales_end(seen):
        known = {trading.code for trading in view.instruments}
        now = supply(seen, seen.minute + 2, [ask for ask in view.own_asks if ask.instrument in known])
        for index, trading in enumerate(view.instruments):
            _, _, _, offered = now.stretches[0]
            told.append(
                f"{trading.code} is sold in slices of {_amount(Capacity(*trading.vector))}: {now.most_free(index)} are"
                f" free in the next minute, {offered[index]} of them are offered."
            )
            if not takes_asks(trading):
                told.append(f"{trading.code} is {trading.mode}: no offer enters or changes its price.")
    return told


def _amount(capacity: Capacity) -> str:
    vcpus = "1 vCPU" if capacity.vcpus == 1 else f"{capacity.vcpus} vCPUs"
    return f"{vcpus}, {capacity.memory_mib} MiB of memory and {capacity.disk_gib} GiB of disk"
