"""One seed, from its number to what it has shown."""

from __future__ import annotations

import random
import secrets
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select, text

from billing.tables import billable_contract
from market.reseller.decide import CLIENT_ID as RESELLER
from market.tables import contract, orders
from tests.simulation.bus import bus
from tests.simulation.complaints import complaints
from tests.simulation.database import database
from tests.simulation.faults import Faults
from tests.simulation.loop import PROCESS, new_loop
from tests.simulation.story import Story

_DIGEST = """
    SELECT md5(concat(
        (SELECT string_agg(orders::text, '' ORDER BY id) FROM orders),
        (SELECT string_agg(contract::text, '' ORDER BY id) FROM contract),
        (SELECT string_agg(usage_minute::text, '' ORDER BY contract_id, minute) FROM usage_minute),
        (SELECT string_agg(ledger_account::text, '' ORDER BY id) FROM ledger_account)))
"""

_USES = """
    SELECT (SELECT count(*) FROM orders WHERE exclusive_group IS NOT NULL AND guests_filled > 0) AS groups,
        (SELECT count(*) FROM contract WHERE resold_from IS NOT NULL) AS resold,
        (SELECT count(*) FROM contract WHERE grows IS NOT NULL) AS grown,
        (SELECT count(*) FROM contract WHERE replaces IS NOT NULL) AS replaced,
        (SELECT count(*) FROM contract WHERE kind = 'volume') AS volumes,
        (SELECT count(*) FROM contract WHERE extras ->> 'attached_to' <> '') AS attached,
        (SELECT count(*) FROM contract JOIN orders ON orders.id = ask_order_id WHERE linked) AS of_linked,
        (SELECT count(*) FROM contract JOIN orders ON orders.id = ask_order_id
            WHERE starts_with(orders.client_order_id, :reseller)) AS of_resellers
"""


@dataclass
class Told:
    """What a seed has shown: how much happened, what went wrong when, and a digest that is the same every time.

    `uses` tells how often more than plain trading came to something.
    `difference` is the first promise that did not hold, `ends` counts the processes that ended by themselves.
    """

    seed: int
    difference: str | None
    seconds: float
    unknown: int
    faults: list[str]
    ends: Counter[str]
    orders: int = 0
    contracts: int = 0
    minutes: int = 0
    digest: str = ""
    uses: dict[str, int] = field(default_factory=dict)


def run(seed: int, url: str, folder: Path, *, with_faults: bool = True) -> Told:
    """Live through the seed on the database at `url`, with the agents' files below `folder`."""
    rng = random.Random(f"nestex {seed}")
    thread_rng, network_rng = random.Random(rng.random()), random.Random(rng.random())
    slow: dict[str, float] = {}
    faults: list[Faults] = []
    loop = new_loop(partial(_thread_delay, thread_rng, slow))
    with (
        pytest.MonkeyPatch.context() as patch,
        database(url, loop) as data,
        complaints() as complained,
        tempfile.TemporaryDirectory(dir=folder) as files,
    ):
        patch.setattr(secrets, "randbits", rng.getrandbits)  # the product's ids are drawn by it
        with bus(
            loop,
            lambda: round(data.now_seconds() * 1_000_000) * 1000,
            delay=lambda: network_rng.uniform(0.0002, 0.003),
            loses_ack=lambda: bool(faults) and faults[0].losing_acks and network_rng.random() < 0.5,
            reorder=network_rng.shuffle,
        ) as wired:
            story = Story(seed, rng, loop, data, wired, Path(files), slow)
            faults.append(story.faults)
            difference = loop.run(story.live(with_faults=with_faults))
        ends = Counter(f"{host.name}: {type(end).__name__}" for host in story.hosts.values() for end in host.ends)
        told = Told(
            seed,
            difference or next(iter(complained), None),
            loop.time(),
            story.notebook.unknown,
            story.faults.log,
            ends,
        )
        _count(told, data.engine)
    return told


def _count(told: Told, database: Engine) -> None:
    with database.connect() as connection:
        told.orders = connection.execute(select(func.count()).select_from(orders)).scalar_one()
        told.contracts = connection.execute(select(func.count()).select_from(contract)).scalar_one()
        told.minutes = connection.execute(select(func.sum(billable_contract.c.billed_minutes))).scalar_one() or 0
        told.uses = dict(connection.execute(text(_USES), {"reseller": RESELLER}).one()._mapping)
        told.digest = connection.execute(text(_DIGEST)).scalar_one()


def _thread_delay(rng: random.Random, slow: dict[str, float]) -> float:
    process = PROCESS.get()
    if process is not None and process.name in slow:
        return rng.uniform(0, slow[process.name])
    return rng.uniform(0, 0.004) if rng.random() < 0.98 else rng.uniform(0, 0.3)
