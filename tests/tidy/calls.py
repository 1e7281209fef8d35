"""Which names a file uses, in full: with `from datetime import datetime`, `datetime.now` is `datetime.datetime.now`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.tidy.tree import Source


def used_names(source: Source) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything imported, and of every imported or built-in name that is used."""
    origins = dict(_imported(source.tree))
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for _, origin in _imports_of(node):
                yield node.lineno, origin
        elif isinstance(node, ast.Attribute | ast.Name):
            head, _, rest = _dotted(node).partition(".")
            if head:
                yield node.lineno, ".".join(filter(None, (origins.get(head, head), rest)))


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _imports_of(node)


def _imports_of(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """The name that each import binds, and where it comes from."""
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            yield alias.asname or alias.name, f"{node.module}.{alias.name}"
        elif alias.asname:
            yield alias.asname, alias.name
        else:
            yield alias.name.split(".")[0], alias.name.split(".")[0]


def _dotted(node: ast.expr) -> str:
    """`a.b.c`; empty for what does not begin with a name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        head = _dotted(node.value)
        return f"{head}.{node.attr}" if head else ""
    return ""
