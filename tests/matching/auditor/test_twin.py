"""What the twin is worth: that it is independent, and that its check of the book can fail.

That it reads the rule as the book does is shown by every story and history in tests/matching.
"""

from __future__ import annotations

import ast
from pathlib import Path

import matching.auditor
from matching.auditor.holding import new_holding
from matching.auditor.twin import Twin
from matching.commands import Tick
from tests.matching.factories import SOON, ask, bid

SHARED = {"matching.commands", "matching.events", "matching.journal"}
"""The shapes of what goes in and what comes out."""


def test_the_auditor_shares_nothing_with_the_book() -> None:
    (folder,) = matching.auditor.__path__
    imported = {
        name
        for file in Path(folder).glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else _names(node))
        if name and name.startswith("matching") and not name.startswith("matching.auditor")
    }
    assert imported == SHARED


def test_a_pair_that_could_trade_is_found() -> None:
    twin = Twin()
    for entry in (ask("a"), bid("b"), bid("low", 99), bid("late", start_from=SOON + 1, start_by=SOON + 9)):
        twin.open.append(new_holding(entry))
    twin.apply(Tick(SOON - 1))
    assert twin.compatible_pairs() == [("b", "a")]


def _names(node: ast.AST) -> list[str]:
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
