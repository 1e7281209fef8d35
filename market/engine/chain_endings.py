"""Endings of contracts that were resold: what fails or is reclaimed ends for all of the chain, and what its holder
gives back, or the operator busts, is the seller's again.

Source: the design's market rules, "Contracts", resale. As `market.engine.endings`, of which this is the part for more
than one contract.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from billing import contracts as billing_contracts
from billing import deliveries, endings
from billing.endings import Outcome
from billing.tables import billable_contract
from common.errors import Conflict, Refused
from common.minutes import MICROS_PER_MINUTE
from market.chain import begun_minute
from market.contract_states import CONTRACT_STATES, GUEST_LEADS_TO, RESOLD, SCHEDULED
from market.desired_state import allocation_message
from market.engine.commands import EndContract
from market.engine.endings import (
    NOTICE_MINUTES,
    ROWS,
    STATES,
    CheapestAsk,
    Ended,
    check_caller,
    freed,
    is_late,
)
from market.tables import contract
from runtime import outbox
from runtime.arrays import among
from runtime.feed import FeedEvent


@dataclass(frozen=True, slots=True)
class Link:
    """A contract of the chain: its row on the market, with the instrument's and the slice class's, and in billing."""

    row: Mapping[Any, Any]
    billable: Row[Any]

    @property
    def id(self) -> str:
        """The contract's id."""
        identifier: str = self.billable.contract_id
        return identifier


@dataclass(frozen=True, slots=True)
class Chain:
    """All links, the node's provider's own first; the place of the named one, the time, and the market's prices."""

    links: Sequence[Link]
    place: int
    at_micros: int
    cheapest_ask: CheapestAsk

    @property
    def next_minute(self) -> int:
        """What "now" means on the market."""
        return self.at_micros // MICROS_PER_MINUTE + 1

    @property
    def named(self) -> Link:
        """The contract that the command names."""
        return self.links[self.place]

    def holders(self) -> list[Link]:
        """Those who bought from each other. The provider is not compensated for its own doing."""
        first = self.links[0]
        return [link for link in self.links[1:] if link.billable.buyer_id != first.billable.provider_id]

    def until(self, link: Link) -> int:
        """The minute up to which the link's buyer has the guest itself."""
        behind = self.links[self.links.index(link) + 1 :]
        return int(behind[0].billable.start_minute if behind else link.billable.end_minute)


def end_in_chain(
    connection: Connection,
    shard: str,
    command: EndContract,
    at_micros: int,
    cheapest_ask: CheapestAsk,
    members: Sequence[str],
) -> tuple[list[Ended], list[FeedEvent]]:
    """What ends, the named one first, and what else the feed tells: of a contract that is its buyer's again. The chain
    is held. Raises as `endings.end_contract` does."""
    chain = Chain(_links(connection, shard, members), list(members).index(command.contract), at_micros, cheapest_ask)
    check_caller(chain.named.row, command)
    _check_place(chain, command)
    ending = _ending(chain, command)
    if command.ending != "fail":  # the rows of failed contracts have moved with their guest already
        for link in ending:
            CONTRACT_STATES.check(link.row["state"], STATES[command.ending])
    ended = [_end(connection, chain, link, command) for link in ending]
    if not chain.place or command.ending not in ("release", "bust"):
        return ended, []
    seller = chain.links[chain.place - 1]
    return ended, [_give_back(connection, seller, chain.named, ended[0].money.minute, at_micros)]


def _links(connection: Connection, shard: str, members: Sequence[str]) -> list[Link]:
    query = select(billable_contract).where(among(billable_contract.c.contract_id, members))
    billables = {row.contract_id: row for row in connection.execute(query)}
    rows = connection.execute(ROWS, {"ids": list(members), "of_shard": shard}).mappings()
    by_id = {row["id"]: row for row in rows}
    return [Link(by_id[each], billables[each]) for each in members]


def _check_place(chain: Chain, command: EndContract) -> None:
    if command.ending == "reclaim" and chain.place > 0:
        message = "only the provider of its node can reclaim it: no bond of yours stands behind it"
        raise Refused("not_reclaimable", message, field="contract")
    if command.ending == "release" and chain.place + 1 < len(chain.links):
        message = f"the rest of contract {command.contract} is resold: it is not yours to release"
        raise Conflict("state_forbids", message, field="contract")


def _ending(chain: Chain, command: EndContract) -> list[Link]:
    """What ends with the named one: all of the chain, or what is behind it. What is closed stays so."""
    others = chain.links if command.ending in ("fail", "reclaim") else chain.links[chain.place :]
    still = [link for link in others if link.billable.state == billing_contracts.OPEN]
    return [chain.named, *(link for link in still if link is not chain.named)]


def _end(connection: Connection, chain: Chain, link: Link, command: EndContract) -> Ended:
    money = _divide(connection, chain, link, command)
    row, state, at_micros = link.row, STATES[command.ending], chain.at_micros
    changes = _changes(row, command, money.minute)
    connection.execute(contract.update().where(contract.c.id == link.id).values(**changes, updated_at_micros=at_micros))
    if "revision" in changes:
        outbox.put(connection, [allocation_message({**row, **changes})])
    given_up = money.minute if link is chain.links[0] else row["end_minute"]
    told = {"state": state, "reason": changes.get("reason", row["reason"])}
    return Ended(
        free=freed(row, given_up, chain.next_minute - 1),
        facts={"state": state, "minute": money.minute, "reason": command.reason},
        told=FeedEvent("contract", link.id, told, at_micros),
        money=money,
    )


def _divide(connection: Connection, chain: Chain, link: Link, command: EndContract) -> Outcome:
    """The bond is the first contract's; the others have none."""
    if command.ending == "release":
        late = is_late(link.row, link.billable, chain.next_minute)
        return endings.release(connection, link.id, chain.next_minute, chain.at_micros, free=late)
    if command.ending == "reclaim":
        return _reclaim(connection, chain, link)
    if command.ending == "fail":
        return _fail(connection, chain, link)
    endings.bust(connection, link.id, chain.at_micros)
    row = link.row
    return Outcome(min(max(chain.next_minute, row["start_minute"]), row["end_minute"]), 0, 0, 0)


def _reclaim(connection: Connection, chain: Chain, link: Link) -> Outcome:
    minute = chain.next_minute + NOTICE_MINUTES
    behind = chain.holders() if link is chain.links[0] else []
    holders = [(each.billable.buyer_id, int(each.billable.start_minute)) for each in behind]
    return endings.reclaim(connection, link.id, minute, chain.at_micros, holders=holders)


def _fail(connection: Connection, chain: Chain, link: Link) -> Outcome:
    minute = link.billable.ended_minute
    if minute is None:
        raise Conflict("state_forbids", f"the guest of contract {link.id} has not failed", field="state")
    if link is not chain.links[0]:
        return endings.fail(connection, link.id, minute, 0, chain.at_micros)
    costs = [(each.billable.buyer_id, _cost(chain, each)) for each in reversed(chain.holders())]
    return endings.fail(connection, link.id, minute, _cost(chain, link), chain.at_micros, holders=costs)


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
