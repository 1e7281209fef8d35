"""Files and functions stay short enough to be read.

The exceptions are a ratchet: they may shrink, and must leave when they can.
"""

from __future__ import annotations

import ast

from tests.tidy.tree import sources

FILE_LINES = 250
FUNCTION_LINES = 40
LONG_FUNCTION_LINES = 70

# How far a file may shrink before its entry has to follow.
SLACK = 20

# Path: the lines it may have, and why it is not split.
LONG_FILES = {
    "migrations/versions/0001_first_light.py": (690, "one migration is one change of the schema"),
}

# "path name" of functions that have 41 to 70 lines, and why they are not split.
LONG_FUNCTIONS: dict[str, str] = {
    "tests/matching/factories.py bid": "one argument for each attribute of an order",
    "tests/matching/factories.py ask": "one argument for each attribute of an order",
}

# A migration is a list of statements, long only in that there are many tables.
FLAT = "migrations/versions/"


def test_files_are_short() -> None:
    too_long = {
        path: lines
        for path, lines in _file_lines().items()
        if lines > (LONG_FILES[path][0] if path in LONG_FILES else FILE_LINES)
    }
    assert not too_long, f"split by idea, at most {FILE_LINES} lines: {too_long}"


def test_long_files_are_still_as_long_as_their_exception_says() -> None:
    lines = _file_lines()
    outdated = {
        path: lines.get(path)
        for path, (limit, _) in LONG_FILES.items()
        if lines.get(path, 0) <= FILE_LINES or limit - lines[path] > SLACK
    }
    assert not outdated, f"lower or remove these entries of LONG_FILES: {outdated}"


def test_functions_are_short() -> None:
    too_long = {
        name: lines
        for name, lines in _function_lines().items()
        if lines > (LONG_FUNCTION_LINES if name in LONG_FUNCTIONS else FUNCTION_LINES)
    }
    assert not too_long, f"split, at most {FUNCTION_LINES} lines: {too_long}"


def test_long_functions_are_still_long() -> None:
    lines = _function_lines()
    outdated = [name for name in LONG_FUNCTIONS if lines.get(name, 0) <= FUNCTION_LINES]
    assert not outdated, f"remove these entries of LONG_FUNCTIONS: {outdated}"


def _file_lines() -> dict[str, int]:
    return {source.path: source.text.count("\n") for source in sources()}


def _function_lines() -> dict[str, int]:
    return {
        f"{source.path} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for source in sources()
        if not source.path.startswith(FLAT)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
