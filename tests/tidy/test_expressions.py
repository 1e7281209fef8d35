"""Expressions that must not be written: floats where money is, and SQL put together from values."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.tidy.tree import product_sources

_SQL_CALLS = {"text", "execute", "executemany", "exec_driver_sql", "scalar", "scalars", "copy", "SQL"}


def test_matching_and_billing_know_no_floats() -> None:
    found = [
        f"{source.path}:{node.lineno} {ast.unparse(node)}"
        for source in product_sources()
        if source.package in ("matching", "billing")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.expr | ast.stmt) and _makes_a_float(node)
    ]
    assert not found, "use whole units, // and a stated rounding:\n" + "\n".join(found)


def test_sql_is_never_put_together_from_values() -> None:
    found = [
        f"{source.path}:{argument.lineno} {ast.unparse(argument)[:80]}"
        for source in product_sources()
        if source.package != "migrations"  # these have no values, and repeat a statement for several tables
        for argument in _sql_arguments(source.tree)
        if _has_values(argument)
    ]
    assert not found, "bind parameters (:name); only CONSTANTS may be put into the text:\n" + "\n".join(found)


def _makes_a_float(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, float | complex)
    return isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)


def _sql_arguments(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in _SQL_CALLS:
                yield node.args[0]


def _has_values(argument: ast.expr) -> bool:
    """Whether the argument is put together here, and of more than literals and constants."""
    put_together = isinstance(argument, ast.JoinedStr | ast.BinOp) or _is_format(argument)
    return put_together and not _is_fixed(argument)


def _is_fixed(node: ast.expr) -> bool:
    """A literal, a CONSTANT, or a text of nothing else."""
    if isinstance(node, ast.JoinedStr):
        return all(_is_fixed(part.value) for part in node.values if isinstance(part, ast.FormattedValue))
    if isinstance(node, ast.BinOp):
        return _is_fixed(node.left) and _is_fixed(node.right)
    if isinstance(node, ast.Call):
        return _is_format(node) and all(
            _is_fixed(value) for value in (*node.args, *(word.value for word in node.keywords))
        )
    if isinstance(node, ast.Attribute):
        return node.attr.isupper()
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id.isupper())


def _is_format(node: ast.expr) -> bool:
    """`"...".format(...)`; what psycopg's `SQL("...").format(...)` puts in, it quotes."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format"):
        return False
    template = node.func.value
    return not (isinstance(template, ast.Call) and ast.unparse(template.func).split(".")[-1] == "SQL")
