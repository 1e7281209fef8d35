"""Endings of contracts that were resold: what fails or is reclaimed ends for all of the chain, and what its holder
gives back, or the operator busts, is the seller's again.

Source: the design's market rules, "Contracts", resale. As `market.engine.endings`, of which this is the part for more
than one contract.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection

from billing import contracts as billing_contracts
from billing import deliveries, endings
from billing.endings import Cut
from common.errors import Conflict, Refused
from market.chain import begun_minute
from market.contract_states import CONTRACT_STATES, GUEST_LEADS_TO, RESOLD, SCHEDULED
from market.desired_state import allocation_message
from market.engine.chain_links import Chain, Link, links_of
from market.engine.commands import EndContract
from market.engine.ended import CheapestAsk, Ended, Replace, Replacement, Undelivered
from market.engine.endings import (
    NOTICE_MINUTES,
    STATES,
    Planned,
    check_caller,
    failed_at,
    freed,
    is_late,
    plan_bust,
    plan_reclaim,
    plan_release,
)
from market.tables import contract
from runtime import outbox
from runtime.feed import FeedEvent


def end_in_chain(
    connection: Connection,
    shard: str,
    command: EndContract,
    at_micros: int,
    cheapest_ask: CheapestAsk,
    replace: Replace,
    members: Sequence[str],
) -> tuple[list[Ended], list[FeedEvent]]:
    """What ends, in the order in which it is journaled, and what else the feed tells: of a contract that is its buyer's
    again. The chain is held. Raises as `endings.end_contract` does."""
    place = list(members).index(command.contract)
    chain = Chain(links_of(connection, shard, members), place, at_micros, cheapest_ask, replace)
    check_caller(chain.named.row, command)
    _check_place(chain, command)
    ending = _ending(chain, command)
    if command.ending != "fail":  # the rows of failed contracts have moved with their guest already
        for link in ending:
            CONTRACT_STATES.check(link.row["state"], STATES[command.ending])
    ended = _end_all(connection, chain, ending, command)
    if not chain.place or command.ending not in ("release", "bust"):
        return ended, []
    seller = chain.links[chain.place - 1]
    return ended, [_give_back(connection, seller, chain.named, ended[0].facts["minute"], at_micros)]


def _check_place(chain: Chain, command: EndContract) -> None:
    if command.ending == "reclaim" and chain.place > 0:
        message = "only the provider of its node can reclaim it: no bond of yours stands behind it"
        raise Refused("not_reclaimable", message, field="contract")
    if command.ending == "release" and chain.place + 1 < len(chain.links):
        message = f"the rest of contract {command.contract} is resold: it is not yours to release"
        raise Conflict("state_forbids", message, field="contract")


def _ending(chain: Chain, command: EndContract) -> list[Link]:
    """What ends with the named one, which comes first: all of the chain, or what is behind it. What is closed stays
    so. Of a failure, the last one comes first, right behind the order that replaces it."""
    others = chain.links if command.ending in ("fail", "reclaim") else chain.links[chain.place :]
    still = [link for link in others if link is chain.named or link.billable.state == billing_contracts.OPEN]
    if command.ending == "fail":
        return still[::-1]
    return [chain.named, *(link for link in still if link is not chain.named)]


def _end_all(connection: Connection, chain: Chain, ending: Sequence[Link], command: EndContract) -> list[Ended]:
    if command.ending == "fail":
        planned = _plan_failures(connection, chain, ending)
    else:
        planned = [_plan(connection, chain, link, command) for link in ending]
    return [_end(connection, chain, link, command, plan) for link, plan in zip(ending, planned, strict=True)]


def _end(connection: Connection, chain: Chain, link: Link, command: EndContract, planned: Planned) -> Ended:
    row, state, at_micros = link.row, STATES[command.ending], chain.at_micros
    changes = _changes(row, command, planned.minute) | planned.link
    connection.execute(contract.update().where(contract.c.id == link.id).values(**changes, updated_at_micros=at_micros))
    if "revision" in changes:
        outbox.put(connection, [allocation_message({**row, **changes})])
    given_up = planned.minute if link is chain.links[0] else row["end_minute"]
    told = {"state": state, "reason": changes.get("reason", row["reason"])}
    return Ended(
        free=freed(row, given_up, chain.next_minute - 1),
        facts={"state": state, "minute": planned.minute, "reason": command.reason} | planned.link,
        told=FeedEvent("contract", link.id, told, at_micros),
        buyer=row["buyer_id"],
        provider=row["provider_id"],
        divide=planned.divide,
    )


def _plan(connection: Connection, chain: Chain, link: Link, command: EndContract) -> Planned:
    """The bond is the first contract's; the others have none."""
    if command.ending == "release":
        late = is_late(link.row, link.billable, chain.next_minute)
        return plan_release(connection, link.id, chain.next_minute, chain.at_micros, free=late)
    if command.ending == "bust":
        return plan_bust(connection, link.row, chain.next_minute, chain.at_micros)
    behind = chain.holders() if link is chain.links[0] else []
    holders = [(each.billable.buyer_id, int(each.billable.start_minute)) for each in behind]
    return plan_reclaim(connection, link.id, chain.next_minute + NOTICE_MINUTES, chain.at_micros, holders)


def _plan_failures(connection: Connection, chain: Chain, ending: Sequence[Link]) -> list[Planned]:
    """What each of these loses, the last of the chain first, whose rest is bought again if its buyer asked for that."""
    cuts = {link.id: endings.cut_at(connection, link.id, failed_at(link.id, link.billable)) for link in ending}
    bought = _replace_last(chain, cuts)
    costs = {link.id: _cost(chain, link) for link in chain.links}
    if bought.contract is not None:
        costs[chain.links[-1].id] = bought.extra_micros
    first, planned = chain.links[0], []
    for link in ending:
        behind = reversed(chain.holders()) if link is first else ()
        holders = [(each.billable.buyer_id, costs[each.id]) for each in behind]
        own = costs[link.id] if link is first else 0
        fail = partial(
            endings.fail, connection, link.id, link.billable.ended_minute, own, chain.at_micros, holders=holders
        )
        planned.append(Planned(cuts[link.id].minute, fail, bought.link if link is chain.links[-1] else {}))
    return planned


def _replace_last(chain: Chain, cuts: Mapping[str, Cut]) -> Replacement:
    """The guest at the end of the chain is bought again, of nobody who sold it. The bond of the first contract pays no
    more for it than `_cost` allows: nothing, where it was sold for less than at another place of the chain, or to the
    provider itself."""
    first, last = chain.links[0], chain.links[-1]
    if last.id not in cuts:
        return Replacement()
    dearest = max(int(link.row["price_micros"]) for link in chain.links)
    is_covered = first.id in cuts and last in chain.holders() and int(last.row["price_micros"]) == dearest
    bond = cuts[first.id].bond_micros if is_covered else 0
    failed = frozenset({first.row["provider_id"], last.row["provider_id"]})
    cheapest = chain.cheapest_ask(last.row["instrument"])
    return chain.replace(Undelivered(last.row, cuts[last.id], bond, failed, cheapest)) or Replacement()


def _cost(chain: Chain, link: Link) -> int:
    """By how much the minutes that the link's buyer would have had cost more at the cheapest ask than at the highest
    price of the chain up to it: a low price between two of them makes no claim on the bond."""
    cheapest = chain.cheapest_ask(link.row["instrument"])
    before = chain.links[: chain.links.index(link) + 1]
    dearer = 0 if cheapest is None else max(0, cheapest - max(int(each.row["price_micros"]) for each in before))
    return dearer * int(link.row["slices"]) * max(0, chain.until(link) - int(link.billable.ended_minute))


def _changes(row: Mapping[Any, Any], command: EndContract, minute: int) -> dict[str, Any]:
    """A guest that is up stays until that minute, or the earlier one at which the next one's starts."""
    until = minute if row["ended_minute"] is None else min(minute, row["ended_minute"])
    if command.ending == "fail":
        return {"ended_minute": until}
    stays = command.ending != "bust" and until > begun_minute(row)
    return {
        "state": STATES[command.ending],
        "reason": command.reason,
        "want": row["want"] if stays else "gone",
        "revision": row["revision"] + 1,
        "ended_minute": until,
    }


def _give_back(connection: Connection, seller: Link, part: Link, minute: int, at_micros: int) -> FeedEvent:
    """From this minute on, the rest is its seller's again. Its guest is made anew, unless it was never to stop."""
    row = seller.row
    deliveries.end(connection, part.id, minute)
    anew = minute > row["ended_minute"] or row["want"] == "gone"
    state = SCHEDULED if anew else GUEST_LEADS_TO.get(row["guest_state"], SCHEDULED)
    CONTRACT_STATES.check(RESOLD, state)
    changes = {
        "state": state,
        "want": "run" if row["want"] == "gone" else row["want"],
        "revision": row["revision"] + 1,
        "ended_minute": None,
        "resold_to": None,
        "resumed_minute": minute if anew else row["resumed_minute"],
        "updated_at_micros": at_micros,
    }
    connection.execute(contract.update().where(contract.c.id == seller.id).values(changes))
    outbox.put(connection, [allocation_message({**row, **changes})])
    return FeedEvent("contract", seller.id, {"state": state, "reason": None}, at_micros)
