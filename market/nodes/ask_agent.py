"""Asking an agent of the present, on `cmd.<node>.<verb>`: its guest, a console, snapshots, the node."""

from __future__ import annotations

import asyncio
from typing import TypeVar

import nats.errors
from nats.aio.client import Client

from common import codec, subjects
from common.clock import RealClock
from common.errors import InvalidInput, Unavailable
from common.questions import GuestAnswer, Question

T = TypeVar("T")

ANSWER_SECONDS = 4.5
"""Less than the five seconds for which the bus lets an agent answer."""

_AGAIN_SECONDS = 0.1


async def ask_agent(bus: Client, node: str, verb: str, contract: str, kind: type[T]) -> T:
    """Its answer. Raises Unavailable (`node_unavailable`)."""
    try:
        reply = await bus.request(
            subjects.command(node, verb), codec.encode(Question(contract)), timeout=ANSWER_SECONDS
        )
        return codec.decode(kind, reply.data, lenient=True)
    except (nats.errors.Error, TimeoutError, InvalidInput) as error:
        raise Unavailable("node_unavailable", f"the agent of node {node} does not answer") from error


async def await_settled(
    bus: Client, node: str, contract: str, revision: int, real: RealClock, seconds: float
) -> GuestAnswer | None:
    """The guest when it is as `revision` or a newer one wants it, or as it is when so many real seconds have passed.

    None where its agent does not answer, which costs no time where it is not there.
    """
    until, answer = real.monotonic() + seconds, None
    while True:
        try:
            answer = await ask_agent(bus, node, "guest", contract, GuestAnswer)
        except Unavailable:
            return answer
        if (answer.ok and answer.settled and answer.revision >= revision) or real.monotonic() >= until:
            return answer
        await asyncio.sleep(_AGAIN_SECONDS)
