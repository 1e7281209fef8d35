"""The market of `tests.market`, for tests of what joins all packages."""

from __future__ import annotations

from tests.market.conftest import world

__all__ = ["world"]
