from __future__ import annotations

from nestex.audit.market import audit
from tests.nestex.audit.conftest import TrueMarket


def test_a_true_history_has_no_difference(true_market: TrueMarket) -> None:
    steps: list[tuple[int, int]] = []
    outcome = audit(true_market.database, None, lambda done, total: steps.append((done, total)))
    assert outcome.difference is None
    assert outcome.compared["commands"] == steps[-1][0] == steps[-1][1]
    assert min(outcome.compared.values()) > 0
