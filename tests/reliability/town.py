"""A whole deployment as the crash matrix sees it: real processes under a supervisor, one node, a buyer who does not
give up, and the checks that must hold whatever has happened."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, TypeVar, cast

import libvirt
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from common import fault_points
from common.clock import RealClock, SystemClock
from common.errors import Unavailable
from common.minutes import minute_text, parse_minute
from nestex.audit.market import audit
from nestex.books import first_difference
from nestex.local import LocalMarket, start_engine
from tests.reliability import jumping
from tests.reliability.cable import Cable
from tests.reliability.patient import LOOK_SECONDS, PATIENCE_SECONDS, PatientClient

T = TypeVar("T")

ZONE = "fra1"
CODE = f"{ZONE}.std.firm"
NODE = "node-1"
GUESTS = 2
MINUTES = 3
"""How long the guests of a story are wanted."""
AHEAD = 5
"""Market minutes from the bid to the start, so that a process has time to come back."""
LATEST = 60
"""Market minutes by which the start may be later, when the answer is long in coming."""
_TERMINAL = frozenset({"completed", "released", "reclaimed", "failed", "busted"})


@dataclass
class Town:
    """`fault_file` is where faults are armed; every process of the deployment looks there."""

    market: LocalMarket
    database: Engine
    path: Path
    fault_file: Path
    cable: Cable
    libvirt_uri: str
    provider: PatientClient
    buyer: PatientClient
    node: str
    clock: RealClock = field(default_factory=SystemClock)
    _names: Iterator[int] = field(default_factory=count)

    def arm(self, point: str, action: str = "kill") -> None:
        """Let the next process that comes to the point die there, or stand still."""
        fault_points.arm(self.fault_file, point, action)

    @property
    def fault_happened(self) -> bool:
        """Whether the armed fault has been taken."""
        return not self.fault_file.exists()

    def signal(self, process: str, number: signal.Signals) -> None:
        """Send a child of the supervisor a signal."""
        os.kill(self.market.supervisor.pid(process), number)

    def stop(self, process: str) -> None:
        """End a child of the supervisor in order."""
        self.market.supervisor.stop(process)

    def start_engine(self, name: str) -> None:
        """One more engine of the zone."""
        start_engine(self.market, name, ZONE, extra=settings(self.fault_file, self.cable))

    def log(self, process: str) -> str:
        """What the process has said so far."""
        return (self.path / "log" / f"{process}.log").read_text(encoding="utf-8", errors="replace")

    @property
    def agent_folder(self) -> Path:
        """Where the agent keeps its key and its file."""
        return self.path / "agents" / NODE

    def jump(self, process: str, seconds: int) -> None:
        """Let a child die, and come back to a system clock that is so many seconds off from then on."""
        jumping.put_off(self.fault_file.parent, seconds)
        died = self.market.supervisor.pid(process)
        self.signal(process, signal.SIGKILL)
        self.until(lambda: self.market.supervisor.pid(process) != died, f"the return of {process}")
        jumping.put_off(self.fault_file.parent, 0)

    def wait(self, seconds: float) -> None:
        """Let time pass, while the supervisor starts again what has died."""
        self.market.supervisor.watch(seconds)

    def answered(self, ask: Callable[[], T]) -> T:
        """The first answer, whatever it is, of somebody who may be just coming back."""
        [answer] = self.until(lambda: [ask()], "an answer")
        return cast("T", answer)

    def until(self, done: Callable[[], Any], what: str) -> Any:
        """The first true answer. Raises AssertionError when patience ends."""
        end = self.clock.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = done()
            except (Unavailable, DBAPIError):
                answer = None
            if answer:
                return answer
            assert self.clock.monotonic() < end, f"{what} has not happened"
            self.wait(LOOK_SECONDS)

    def buy(self, *, minutes: int = MINUTES, guests: int = GUESTS, ahead: int = AHEAD) -> str:
        """A bid that is repeated under the same name until it is answered; its name. Its guests start in `ahead` to
        `ahead` + 1 minutes."""
        name = self.new_name("story")
        start = self.next_minute() + ahead
        body = {
            "side": "bid",
            "instrument": CODE,
            "price": "0.6",
            "guests": guests,
            "duration_minutes": minutes,
            "start_from": minute_text(start),
            "start_by": minute_text(start + LATEST),
            "client_order_id": name,
        }
        placed = self.buyer.post("/v1/orders", body)
        assert placed["state"] == "filled", placed
        return name

    def next_minute(self) -> int:
        """The first market minute for which one can buy."""
        return parse_minute(self.buyer.get("/v1/time")["next_minute"], field="next_minute")

    def new_name(self, of: str) -> str:
        """A `client_order_id`, under which an order can be repeated until it is answered."""
        return f"{of}-{next(self._names)}"

    def await_guests(self, name: str) -> None:
        """Until its guests run, or their window is over, on a machine that is too slow for it."""
        guests = {row["id"] for row in self.contracts(name)}
        end = self.contracts(name)[0]["end_minute"]

        def running_or_over() -> bool:
            over = self.next_minute() > end
            return over or guests <= {guest for guest, _number in self.instances()}

        self.until(running_or_over, f"the guests of {name}")

    def contracts(self, name: str) -> list[dict[str, Any]]:
        """The contracts of a bid, as the tables have them."""
        query = text(
            "SELECT c.*, b.state AS book_state, b.delivered_seconds, b.billed_minutes,"
            " (SELECT coalesce(sum(u.seconds), 0) FROM usage_minute u"
            " WHERE u.contract_id = c.id) AS reported_seconds FROM contract c JOIN orders o ON o.id = c.bid_order_id"
            " JOIN billable_contract b ON b.contract_id = c.id WHERE o.client_order_id = :name ORDER BY c.id"
        )

        def read() -> list[dict[str, Any]]:
            with self.database.begin() as connection:
                return [dict(row) for row in connection.execute(query, {"name": name}).mappings()]

        return self.answered(read)

    def missing_minutes(self, name: str) -> int:
        """Minutes of its guests, from the first that was reported to the end of the window, that nobody reported."""
        query = text(
            "SELECT sum(c.end_minute - u.first - u.reported) FROM contract c JOIN orders o ON o.id = c.bid_order_id"
            " JOIN (SELECT contract_id, min(minute) AS first, count(*) AS reported FROM usage_minute"
            " GROUP BY contract_id) u ON u.contract_id = c.id WHERE o.client_order_id = :name"
        )

        def read() -> int:
            with self.database.begin() as connection:
                return int(connection.execute(query, {"name": name}).scalar_one())

        return self.answered(read)

    def ended(self, name: str) -> list[dict[str, Any]]:
        """The contracts of a bid once all are over."""

        def over() -> list[dict[str, Any]]:
            rows = self.contracts(name)
            return rows if rows and all(row["state"] in _TERMINAL for row in rows) else []

        found: list[dict[str, Any]] = self.until(over, f"the end of the contracts of {name}")
        return found

    def check_story(self, name: str, *, minutes: int = MINUTES, guests: int = GUESTS, settled: bool = True) -> None:
        """What was answered is true: so many contracts, each for a guest whose seconds are billed as reported,
        and, if everything should be `settled` now, nothing is left of them.

        How many minutes a fault costs depends on the machine, for on this clock a second is a minute: not asked here.
        """
        rows = self.ended(name)
        assert len(rows) == guests
        assert {row["state"] for row in rows} == {"completed"}, rows
        for row in rows:
            assert row["delivered_seconds"] == row["reported_seconds"] <= minutes * 60, row
            assert row["billed_minutes"] == row["delivered_seconds"] // 60, row
        if settled:
            self.until(lambda: not self.domains(), "the removal of the last guest")
        self.check_books()

    def check_books(self) -> None:
        """`nestex books check` says ok."""
        assert self.answered(lambda: first_difference(self.database)) is None

    def check_history(self) -> None:
        """`nestex audit` says ok."""
        assert self.answered(lambda: audit(self.database, None, lambda _done, _of: None).difference) is None

    def instances(self) -> set[tuple[str, int]]:
        """Name and libvirt's number of every guest that runs: a guest that was started anew has another number."""
        return {(name, number) for name, number in self._listed() if number > 0}

    def domains(self) -> list[str]:
        """Guests that the node's hypervisor still has."""
        return [name for name, _ in self._listed()]

    def _listed(self) -> list[tuple[str, int]]:
        """All domains apart from the one that libvirt's test driver begins with."""
        try:
            connection = libvirt.open(self.libvirt_uri)
        except libvirt.libvirtError as error:
            raise Unavailable("hypervisor_failed", str(error)) from error
        try:
            domains = connection.listAllDomains()
            return [(domain.name(), domain.ID()) for domain in domains if domain.name() != "test"]
        finally:
            connection.close()


def settings(fault_file: Path, cable: Cable) -> dict[str, str]:
    """What every process of the deployment is told."""
    return jumping.environment(fault_file.parent) | {
        "NESTEX_FAULT_FILE": str(fault_file),
        "NESTEX_AGENT_NATS_URL": cable.url,
        "NESTEX_LEASE_SECONDS": "1",
        "NESTEX_GRACE_MINUTES": "10",
    }
