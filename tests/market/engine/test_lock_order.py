"""Rows are locked in one order, whatever a command does: contracts, participants' accounts, then the market's."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import Connection, Select, select, text

from billing.chart import MARKET_KINDS, PARTICIPANT_KINDS
from billing.tables import billable_contract, ledger_account
from billing.transfers import MARKET, account
from tests.market.engine.deal import Deal
from tests.market.engine.resold import Resold
from tests.market.factories import World, order

WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
ACCOUNTS = select(ledger_account.c.id).with_for_update(skip_locked=True)
"""Of these, what nobody has locked."""


def waits(world: World, held: Select[Any], work: Callable[[], Any], then: Callable[[Connection], None]) -> Any:
    """What comes of the work, which has to wait for rows that are held, and `then` is looked at what it holds."""
    with ThreadPoolExecutor(1) as pool, world.database.connect() as watching:
        with world.begin() as connection:
            assert connection.execute(held).all()
            working = pool.submit(work)
            while not working.done() and not watching.execute(WAITING).scalar_one():
                watching.rollback()
            assert not working.done()
            then(connection)
        return working.result()


def test_the_end_of_a_contract_that_waits_for_the_account_of_an_expired_order_keeps_nobody_else_waiting(
    world: World,
) -> None:
    deal = Deal(world)
    stranger = world.participant(1_000_000)
    order(deal.engine.process([world.bid(stranger, time_in_force="gtd", expires_at=world.minute + 2, price_micros=1)]))
    deal.tell("ready")
    deal.deliver(10)
    deal.tell("failed")

    def nobody_else(connection: Connection) -> None:
        of_market = ACCOUNTS.where(ledger_account.c.owner == MARKET)
        assert len(connection.execute(of_market).all()) == len(MARKET_KINDS)
        parties = [party for party in (deal.provider, deal.buyer) if party > stranger]
        behind = ACCOUNTS.where(ledger_account.c.owner.in_(parties))
        assert len(connection.execute(behind).all()) == len(PARTICIPANT_KINDS) * len(parties)

    held = ACCOUNTS.where(ledger_account.c.id == account(stranger, "cash"))
    assert waits(world, held, lambda: deal.end("fail"), nobody_else)[0].problem is None
    assert world.cash(stranger).reserved_micros == 0
    deal.check()


def test_a_batch_that_locks_cash_waits_first_for_the_contracts_whose_rest_it_may_sell(world: World) -> None:
    deal = Resold(world)
    order(deal.engine.process([deal.offer(deal.traders[0], deal.first)]))

    def no_cash(connection: Connection) -> None:
        of_parties = ACCOUNTS.where(ledger_account.c.owner.in_(deal.traders))
        assert len(connection.execute(of_parties).all()) == len(PARTICIPANT_KINDS) * len(deal.traders)

    held = select(billable_contract).where(billable_contract.c.contract_id == deal.first).with_for_update()
    bid = deal.bid(deal.traders[1], deal.end - deal.start)
    waits(world, held, lambda: deal.engine._attempt([bid], lock_cash=True), no_cash)
    assert deal.row(deal.first)["state"] == "resold"
    deal.check()
