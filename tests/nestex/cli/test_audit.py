from __future__ import annotations

import json

from sqlalchemy import text

from tests.market.factories import World, order
from tests.nestex.cli.test_commands import nestex


def test_audit_says_ok_or_the_first_difference_with_an_exit_code(world: World, database_url: str) -> None:
    buyer = world.participant(1_000_000)
    order(world.engine().process([world.bid(buyer, start_by=world.minute + 30)]))
    url = {"NESTEX_DATABASE_URL": database_url}
    done = nestex("audit", **url)
    assert (done.returncode, done.stdout) == (0, "ok (1 commands, 1 feed, 1 orders)\n")
    with world.begin() as connection:
        connection.execute(text("UPDATE orders SET price_micros = price_micros + 1"))
    done = nestex("audit", "--json", **url)
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert told["audit"].startswith("orders ord_")
    assert "price_micros is 201, the journal makes 200" in told["audit"]
    assert nestex("audit", "--shard", "nowhere", **url).returncode == 3
