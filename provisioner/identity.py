"""Who the agent is: its own key, and what the market answered when it enrolled.

The key is a NATS user nkey that never leaves the data folder. Its public half is enrolled once, over HTTPS, with a
one-time token that the provider made; from then on the stored answer is enough, and the market need not be reachable.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass
from pathlib import Path

import httpx
import nkeys

from common import codec
from common.clock import ClockAnchor
from common.enrolment import EnrolAnswer, EnrolRequest
from common.errors import Forbidden, InvalidInput, Unavailable
from common.private_files import write_private
from common.wire import Capacity
from provisioner.settings import Settings, agent_version

log = logging.getLogger(__name__)

SEED_FILE = "user.nk"
ANSWER_FILE = "enrolment.json"
RETRY_SECONDS = 2.0
_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Identity:
    """The node's id, its NATS user JWT with the seed that signs for it, the servers, and the line of market time."""

    node: str
    jwt: str
    seed: str
    nats_servers: tuple[str, ...]
    anchor: ClockAnchor


async def identify(settings: Settings, capacity: Capacity) -> Identity:
    """The stored identity, or at the first start a new one, for which the market is asked until it answers.

    Raises InvalidInput when there is neither a stored answer nor a token, Forbidden (`enrolment_invalid`) when the
    market refuses.
    """
    seed = own_seed(settings.data / SEED_FILE)
    stored = settings.data / ANSWER_FILE
    if not stored.exists():
        answer = await _enrol(settings, public_key(seed), capacity)
        write_private(stored, codec.encode(answer))
        log.info("enrolled as node %s", answer.node)
    answer = codec.decode(EnrolAnswer, stored.read_bytes(), lenient=True)
    anchor = ClockAnchor(answer.clock_wall_micros, answer.clock_market_micros, answer.clock_speed)
    return Identity(answer.node, answer.jwt, seed, answer.nats_servers, anchor)


def own_seed(path: Path) -> str:
    """The seed of the agent's key, made at the first call."""
    if not path.exists():
        write_private(path, nkeys.encode_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_USER))
    return path.read_text()


def public_key(seed: str) -> str:
    """The public half, "U..."."""
    key: bytes = nkeys.from_seed(bytearray(seed.encode())).public_key
    return key.decode()


async def _enrol(settings: Settings, key: str, capacity: Capacity) -> EnrolAnswer:
    if not settings.token:
        raise InvalidInput("missing_field", "the first start needs the node's enrolment token", field="token")
    body = codec.encode(EnrolRequest(settings.token, key, agent_version(), capacity))
    while True:
        try:
            return await _ask(settings.market_url.rstrip("/") + "/v1/agents", body)
        except Unavailable as error:
            log.warning("%s; trying again", error)
            await asyncio.sleep(RETRY_SECONDS)


async def _ask(url: str, body: bytes) -> EnrolAnswer:
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS) as client:
            answer = await client.post(url, content=body, headers={"Content-Type": "application/json"})
    except httpx.UnsupportedProtocol as error:
        raise InvalidInput("invalid_field", f"the market's address: {error}", field="market_url") from error
    except httpx.HTTPError as error:
        raise Unavailable("market_unreachable", f"the market at {url} does not answer: {error!r}") from error
    if answer.status_code == httpx.codes.CREATED:
        return codec.decode(EnrolAnswer, answer.content, lenient=True)
    if answer.is_server_error:
        raise Unavailable("market_unreachable", f"the market at {url} answers {answer.status_code}")
    raise Forbidden(
        "enrolment_invalid", f"the market refuses the enrolment ({answer.status_code}): {answer.text[:500]}"
    )
