"""Random commands of buyers to their guests and volumes, as the use cases behind the routes take them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sqlalchemy import Connection

from market.contracts import command_guest as commands
from market.contracts import command_volume as volumes
from market.contracts.change_guest import rescale
from market.contracts.command_guest import Change, command_guest
from market.contracts.command_volume import VolumeCall
from tests.simulation.holdings import Holding

CHANGES: tuple[Change, ...] = (
    commands.stop,
    commands.pause,
    commands.start,
    commands.start,
    commands.resume,
    commands.restart,
    rescale(memory_mib=1024),
)
LASTING: tuple[Change, ...] = (commands.stop, commands.pause, commands.restart, rescale(memory_mib=1024))
"""Those that show afterwards in a guest that runs."""

Deed = Callable[[Connection, int], Mapping[Any, Any]]
"""What is to be done at an instant, in microseconds of market time; the contract's row afterwards."""


def deed(
    rng: random.Random, participant: str, held: Holding, guests: list[str], changes: tuple[Change, ...] = CHANGES
) -> Deed:
    """A command to what is held: one of the `changes` to a guest; a volume may go to one of these `guests`."""
    if held.kind == "volume":
        return _of_volume(rng, participant, held, guests)
    change = rng.choice(changes)
    return lambda connection, at_micros: command_guest(connection, participant, held.id, change, at_micros)


def _of_volume(rng: random.Random, participant: str, held: Holding, guests: list[str]) -> Deed:
    use: Callable[[Connection, VolumeCall], Mapping[Any, Any]] = volumes.detach
    draw = rng.random()
    if draw < 0.3:
        use = partial(volumes.resize, size_gib=rng.randint(5, 10 * held.slices))
    elif draw < 0.8 and guests:
        use = partial(volumes.attach, guest=rng.choice(guests), set_aside=rng.random() < 0.3)
    return lambda connection, at_micros: use(connection, VolumeCall(participant, held.id, at_micros))
