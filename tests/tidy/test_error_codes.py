"""The closed list of error codes holds what is raised, and nothing else."""

from __future__ import annotations

import pytest

from common.errors import ERROR_CODES
from tests.tidy.tree import ROOT, packages

SOURCE = "\n".join(
    path.read_text() for package in packages() for path in (ROOT / package).rglob("*.py") if path.name != "errors.py"
)


@pytest.mark.parametrize("code", ERROR_CODES)
def test_every_code_is_used(code: str) -> None:
    assert f'"{code}"' in SOURCE
