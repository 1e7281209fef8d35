"""The repository's files as the tidy tests see them: parsed once, named by their path from the root."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

# Folders that some program makes, which belong to no commit.
_MADE = {".git", ".venv", "__pycache__", "demo-out", "dist", "nestex-data"}


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file. `path` is relative to the root, with slashes."""

    path: str
    text: str
    tree: ast.Module

    @property
    def package(self) -> str:
        """The top folder: `market`, `tests`, ..."""
        return self.path.split("/")[0]


@cache
def project() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@cache
def packages() -> tuple[str, ...]:
    """The top folders that the wheel installs, as pyproject.toml names them."""
    return tuple(project()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])


@cache
def sources() -> tuple[Source, ...]:
    """Every Python file of the repository."""
    return tuple(
        Source(path, (ROOT / path).read_text(), ast.parse((ROOT / path).read_text(), path))
        for path in files()
        if path.endswith(".py")
    )


def product_sources() -> tuple[Source, ...]:
    """The Python files that the wheel installs."""
    return tuple(source for source in sources() if source.package in packages())


@cache
def files() -> tuple[str, ...]:
    """Every file that a commit could hold, by its path from the root."""
    return tuple(sorted(str(path.relative_to(ROOT)) for path in _walk(ROOT)))


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name in _MADE or path.name.endswith("_cache") or path.name == ".hypothesis":
            continue
        if path.is_dir():
            yield from _walk(path)
        else:
            yield path
