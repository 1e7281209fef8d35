"""The first words between an agent and the market, over HTTPS."""

from __future__ import annotations

from dataclasses import dataclass

from common.wire import Capacity


@dataclass(frozen=True, slots=True)
class EnrolRequest:
    """An agent's first words, over HTTPS: the one-time token, the public half of its own nkey, and what the node
    has."""

    token: str
    public_key: str
    agent_version: str
    capacity: Capacity


@dataclass(frozen=True, slots=True)
class EnrolAnswer:
    """What an agent needs from then on: its node, its NATS user JWT, the servers, and the clock's anchor."""

    node: str
    jwt: str
    nats_servers: tuple[str, ...]
    clock_wall_micros: int
    clock_market_micros: int
    clock_speed: int
