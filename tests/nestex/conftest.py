from __future__ import annotations

from tests.market.conftest import world

__all__ = ["world"]
