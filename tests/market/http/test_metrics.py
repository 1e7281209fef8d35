"""`GET /metrics`, as the parser of Prometheus's own library reads it."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from billing.tables import books_check
from market.metrics.figures import MEDIA_TYPE, PREFIX
from market.worker.nightly_check import NightlyCheck
from tests.market.factories import CODE, ZONE, World
from tests.market.http.bodies import ask, resting_bid
from tests.market.http.conftest import Http
from tests.market.http.test_early_endings import deal

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scrape(who: Http) -> Samples:
    answer = who.as_(None).get("/metrics")
    assert (answer.status_code, answer.headers["content-type"]) == (200, MEDIA_TYPE)
    families = list(text_string_to_metric_families(answer.text))
    assert all(family.name.startswith(PREFIX) and family.documentation for family in families)
    return {
        (sample.name.removeprefix(PREFIX), tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_the_page_tells_books_orders_trades_queues_and_settlement(
    world: World, operator: Http, buyer: Http, provider: Http, node_id: str
) -> None:
    assert ("books_ok", ()) not in scrape(operator)
    deal(provider, buyer, node_id)
    assert buyer.post("/v1/orders", resting_bid(price="0.003")).status_code == 201
    assert provider.post("/v1/orders", ask(node_id, price="0.018", slices=1)).status_code == 201
    assert NightlyCheck(world.database, world.clock).check_once()
    world.real.pass_minutes(7)
    found = scrape(operator)
    assert found["books_ok", ()] == 1
    assert found["books_differences", (("rule", "every transfer sums to zero"),)] == 0
    assert found["open_orders", (("instrument", CODE), ("side", "bid"))] == 1
    assert found["open_orders", (("instrument", CODE), ("side", "ask"))] == 2
    assert found["live_contracts", (("state", "scheduled"),)] == 1
    assert found["engine_commands_total", (("zone", ZONE),)] == 4
    assert found["engine_up", (("zone", ZONE),)] == found["bus_up", ()] == 1
    assert found["engine_waiting_calls", (("zone", ZONE),)] == 0
    assert found["outbox_waiting", ()] == 1
    assert found["nodes", (("state", "online"),)] == 1
    assert found["unsettled_contracts", ()] == found["failing_contracts", ()] == 0
    written = ("orders_total", "trades_total", "contracts_total", "usage_minutes_total", "ledger_transfers_total")
    assert {(name, ()) for name in written} <= found.keys()


def test_books_that_are_wrong_are_told(world: World, operator: Http) -> None:
    assert NightlyCheck(world.database, world.clock).check_once()
    rule = "document numbers have no gaps"
    with world.begin() as connection:
        connection.execute(books_check.update().values(differences={rule: 3}, first_difference="a gap"))
    found = scrape(operator)
    assert (found["books_ok", ()], found["books_differences", (("rule", rule),)]) == (0, 3)


def test_a_zone_without_an_engine_is_down(operator: Http) -> None:
    nowhere = {"zone": "ber1", "slice_class": "std", "firmness": "firm"}
    assert operator.post("/v1/instruments", nowhere).status_code == 201
    found = scrape(operator)
    assert found["engine_up", (("zone", "ber1"),)] == 0
    assert ("engine_waiting_calls", (("zone", "ber1"),)) not in found
