from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, text

from common.errors import NotFound
from market.tables import contract
from nestex.audit.market import Outcome, audit, audit_moment
from nestex.audit.shard import ShardAudit
from tests.market.factories import ZONE
from tests.nestex.audit.conftest import TrueMarket
from tests.nestex.audit.true_history import ELSEWHERE


def test_a_true_history_has_no_difference(true_market: TrueMarket) -> None:
    steps: list[tuple[int, int]] = []
    outcome = audit(true_market.database, None, lambda done, total: steps.append((done, total)))
    assert outcome.difference is None
    assert outcome.compared["commands"] == steps[-1][0] == steps[-1][1]
    assert min(outcome.compared.values()) > 0


def test_one_shard_can_be_chosen_and_another_cannot(true_market: TrueMarket) -> None:
    outcome = audit(true_market.database, ELSEWHERE, lambda done, total: None)
    assert (outcome.difference, outcome.compared["commands"], outcome.compared["orders"]) == (None, 1, 1)
    with pytest.raises(NotFound):
        audit(true_market.database, "nowhere", lambda done, total: None)


def test_a_market_without_a_history_is_ok(database: Engine) -> None:
    assert audit(database, None, lambda done, total: None) == Outcome()


def test_rows_of_a_shard_without_a_journal_are_told(true_market: TrueMarket) -> None:
    with true_market.database.connect() as connection:
        connection.execute(text("UPDATE trade SET shard = 'nowhere' WHERE ordinal > 0"))
        assert "trade" in str(audit_moment(connection, None, lambda done, total: None).difference)
        connection.execute(text("DELETE FROM journal WHERE shard = 'ber1'"))
        connection.execute(text("DELETE FROM lease WHERE shard = 'ber1'"))
        difference = audit_moment(connection, ELSEWHERE, lambda done, total: None).difference
    assert difference == "lease of ber1 is missing"


@pytest.mark.parametrize(
    ("changes", "right"),
    [
        ({"state": "running", "guest_state": "ready", "guest_state_at_ms": 7, "ready_at_micros": 7_000}, True),
        ({"state": "failed", "guest_state": "failed", "guest_state_at_ms": 7, "want": "gone", "revision": 2}, True),
        ({"state": "completed"}, True),
        ({"guest_state": "accepted", "guest_state_at_ms": 7, "applied_revision": 1}, True),
        ({"state": "running"}, False),
        ({"state": "running", "guest_state": "ready"}, False),
        ({"state": "running", "guest_state": "dancing", "guest_state_at_ms": 7}, False),
        ({"state": "dancing"}, False),
        ({"want": "gone"}, False),
        ({"endpoints": [{"service": "ssh"}]}, False),
    ],
)
def test_a_contract_moves_on_by_reports_alone(true_market: TrueMarket, changes: dict[str, Any], right: bool) -> None:
    with true_market.database.connect() as connection:
        connection.execute(contract.update().where(contract.c.ended_minute.is_(None)).values(**changes))
        difference = audit_moment(connection, None, lambda done, total: None).difference
    assert (difference is None) == right
    assert right or "contract" in str(difference)


def test_a_history_is_compared_page_by_page(true_market: TrueMarket) -> None:
    with true_market.database.connect() as connection:
        audited = ShardAudit(connection, ZONE, page_events=5).run(lambda commands: None)
        assert audited == ShardAudit(connection, ZONE).run(lambda commands: None)
