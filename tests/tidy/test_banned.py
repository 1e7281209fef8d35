"""Names that must not be used, where, and what to use instead."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from tests.tidy.calls import used_names
from tests.tidy.tree import Source, packages, sources


@dataclass(frozen=True, slots=True)
class Ban:
    """Files whose paths begin with one of `where`, but not with one of `but`, may use no name that matches `names`."""

    names: str
    instead: str
    where: tuple[str, ...] = ()
    but: tuple[str, ...] = ()

    def violations(self, source: Source) -> list[str]:
        """`path:line name`, one for each use."""
        if not source.path.startswith(self.where or ("",)) or (self.but and source.path.startswith(self.but)):
            return []
        pattern = re.compile(self.names)
        return [f"{source.path}:{line} {name}" for line, name in used_names(source) if pattern.fullmatch(name)]


PRODUCT = tuple(f"{package}/" for package in packages())

BANS = {
    "clock": Ban(
        r"time\.(time|monotonic|perf_counter|process_time)(_ns)?|time\.(localtime|gmtime|strftime|ctime)"
        r"|datetime\.datetime\.(now|utcnow|today)|datetime\.date\.today",
        "take a clock of common.clock, or the time itself, as an argument",
        but=("common/clock.py",),
    ),
    "blocking_sleep": Ban(r"time\.sleep", "wait on an event with a time-out, or asyncio.sleep", where=PRODUCT),
    "print": Ban(
        r"print|sys\.stdout(\..*)?", "log; only the command line in nestex/ writes to a person", PRODUCT, ("nestex/",)
    ),
    "impure_auction": Ban(
        r"(random|secrets|uuid|os|time|datetime|asyncio|threading|socket|pathlib|logging|open|input)(\..*)?",
        "the auction is a pure function of its commands: let the command carry what it needs",
        where=("matching/",),
    ),
    "random": Ban(
        r"random(\..*)?", "secrets for keys, common.ids for ids; nothing else may be left to chance", where=PRODUCT
    ),
    "float_money": Ban(
        r"float|math\.(?!gcd|lcm|isqrt|prod).*|statistics(\..*)?",
        "whole micro-units and minutes; common.money and common.price divide with a stated rounding",
        where=("matching/", "billing/"),
    ),
    "subprocess": Ban(
        r"(subprocess|multiprocessing|pty)(\..*)?|os\.(system|popen|fork|spawn.*|exec.*|posix_spawn.*)"
        r"|asyncio\.create_subprocess_.*",
        "the supervisor of nestex.stack runs servers; provisioner.programs runs what does one thing and ends",
        where=PRODUCT,
        but=("nestex/stack/", "provisioner/programs.py"),
    ),
    "orm": Ban(
        r"sqlalchemy\.orm(\..*)?|sqlalchemy\.ext\.declarative(\..*)?",
        "SQLAlchemy Core: tables and set-based statements",
    ),
    "environment": Ban(
        r"os\.(environ|environb|getenv)(\..*)?",
        "the settings of runtime.settings, provisioner.settings, or an argument",
        where=PRODUCT,
        but=("runtime/settings.py", "provisioner/settings.py", "nestex/", "common/fault_points.py"),
    ),
    "skip": Ban(
        r"pytest\.(skip|importorskip|xfail|mark\.(skip|skipif|xfail))|unittest\.(skip.*|SkipTest)",
        "make the test's world, or remove the test: what is skipped proves nothing",
    ),
    "mock": Ban(
        r"(unittest\.mock|mock|pytest_mock)(\..*)?",
        "the real server, or the twin that the port comes with (a clock, a hypervisor, a bus)",
    ),
}


@pytest.mark.parametrize("name", BANS)
def test_banned_names_are_not_used(name: str) -> None:
    ban = BANS[name]
    violations = [violation for source in sources() for violation in ban.violations(source)]
    assert not violations, f"use instead: {ban.instead}\n" + "\n".join(violations)
