from __future__ import annotations

from sqlalchemy import func, select

from billing.tables import ledger_transfer
from market.worker.sealer import Sealer
from tests.market.factories import World


def when_decided(sealer: Sealer) -> int:
    """What the first turn seals that anything can be sealed in: other databases of the server count as well."""
    while not (sealed := sealer.seal_once()):
        pass
    return sealed


def test_the_worker_seals_everything_that_was_posted_a_turn_before(world: World) -> None:
    world.participant(9_000_000)
    sealer = Sealer(world.database, world.clock)
    assert sealer.seal_once() == 0
    with world.begin() as connection:
        posted = connection.execute(select(func.count()).select_from(ledger_transfer)).scalar_one()
    assert posted > 0
    assert when_decided(sealer) == posted
    assert sealer.seal_once() == 0


def test_nothing_is_sealed_while_somebody_is_still_posting(world: World) -> None:
    sealer = Sealer(world.database, world.clock)
    with world.begin() as connection:
        connection.exec_driver_sql("SELECT pg_current_xact_id()")
        world.participant(9_000_000)
        assert sealer.seal_once() == 0
        assert sealer.seal_once() == 0
    assert when_decided(sealer) > 0
