from __future__ import annotations

from dataclasses import replace
from typing import Any

from matching.commands import Command, EnterBid, EnterGroup, Tick
from matching.shard import Shard
from tests.matching.factories import NOW, SOON, amend, ask, bid, cancel

base = bid("b", guests=2, slices=2, start_by=SOON + 9)


def big(**given: Any) -> EnterBid:
    """The base with other terms."""
    return bid("b", **{"guests": 2, "slices": 2, "start_by": SOON + 9} | given)


VARIANTS: tuple[tuple[Command, ...], ...] = (
    (),
    (Tick(NOW),),
    (base,),
    (base, Tick(SOON)),
    (base, cancel("b")),
    (bid("other", guests=2, slices=2, start_by=SOON + 9),),
    (bid("b", 101, guests=2, slices=2, start_by=SOON + 9),),
    (bid("b", guests=3, slices=2, start_by=SOON + 9),),
    (bid("b", guests=2, slices=1, start_by=SOON + 9),),
    (bid("b", guests=2, slices=2, start_by=SOON + 8),),
    (bid("b", guests=2, slices=2, start_from=SOON + 1, start_by=SOON + 9),),
    (big(duration=61),),
    (big(participant="else"),),
    (big(instrument="z.mem.firm"),),
    (ask("b"),),
    (ask("b", node="else"),),
    (ask("b", slices=2),),
    (ask("b", min_minutes=2),),
    (ask("b", until=SOON + 61),),
    (ask("b", vector=(1, 2048, 11)),),
    (ask("b", tif="gtd", expires_at=SOON + 9),),
    (ask("b", tif="gtd", expires_at=SOON + 8),),
    (ask("b", post_only=True),),
    (ask("b", stp="cancel_both"),),
    (ask("b", reliability=1),),
    (ask("b"), amend("b", price=100)),
    (big(post_only=True),),
    (big(stp="cancel_maker"),),
    (big(nodes=("n",)),),
    (big(avoid=("n",)),),
    (big(reliability=1),),
    (big(tif="gtd", expires_at=SOON + 8),),
    (bid("b", guests=9, slices=2, start_by=SOON + 9), ask("s", slices=14)),
    (bid("b", guests=8, slices=2, start_by=SOON + 9), ask("s", slices=12)),
    (ask("sold"), bid("b")),
    (ask("sold", node="else"), bid("b")),
    (bid("x", 90), bid("y", 90)),
    (EnterGroup(NOW, (bid("x", 90), bid("y", 90))),),
    (bid("y", 90), bid("x", 90)),
)


def state_hash(*commands: Command) -> str:
    shard = Shard("z")
    for command in commands:
        shard.apply(command)
    return shard.state_hash()


def test_the_hash_sees_everything_that_decides_what_follows() -> None:
    assert len({state_hash(*variant) for variant in VARIANTS}) == len(VARIANTS)


def test_the_hash_sees_nothing_else() -> None:
    assert state_hash(ask("a", slices=3), amend("a", slices=2)) == state_hash(ask("a", slices=2))
    assert state_hash(replace(base, expires_at=SOON)) == state_hash(base), "without gtd it decides nothing"
    alone = (bid("x", 90), bid("y", 90), cancel("y"))
    assert state_hash(EnterGroup(NOW, alone[:2]), alone[2]) == state_hash(*alone), "the last of a group is alone"
    assert state_hash(big(nodes=("n", "m"))) == state_hash(big(nodes=("m", "n", "m")))
