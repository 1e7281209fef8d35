"""From a line of an invoice down to the order, in one call; disputes and credits on the way."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from billing import metering, periods
from billing.completion import complete
from billing.tables import billable_contract
from common.minutes import minute_text, month_of, month_window
from common.wire import GuestMinute, UsageReport
from tests.market.factories import CODE, START_MINUTE, World
from tests.market.http.bodies import ask, bid
from tests.market.http.conftest import Http

MONTH = month_of(START_MINUTE)
OVER = month_window(MONTH).end + 100


def deliver(world: World, minutes: int) -> str:
    """Report the first minutes of the one contract as delivered."""
    with world.begin() as connection:
        row = connection.execute(select(billable_contract)).one()
        guest = (GuestMinute(row.contract_id, 60, 1),)
        reports = [UsageReport(row.node_id, number + 1, row.start_minute + number, guest) for number in range(minutes)]
        metering.record(connection, OVER, reports)
        complete(connection, OVER, OVER * 60_000_000, 60, 10)
        return str(row.contract_id)


def close(world: World) -> None:
    with world.begin() as connection:
        periods.close(connection, MONTH, OVER, OVER * 60_000_000, 60)


@pytest.fixture
def contract(provider: Http, buyer: Http, node_id: str, world: World) -> str:
    provider.post("/v1/orders", ask(node_id))
    bought = buyer.post("/v1/orders", bid(client_order_id="mine"))
    assert bought.json()["state"] == "filled", bought.text
    return deliver(world, 8)


def test_a_line_leads_down_to_reports_trade_and_order(buyer: Http, provider: Http, world: World, contract: str) -> None:
    close(world)
    [document] = buyer.get("/v1/documents").json()["items"]
    found = buyer.get(f"/v1/documents/{document['id']}/lines/1/lineage").json()
    assert (found["total"], found["next"]) == (1, None)
    [lineage] = found["items"]
    assert (lineage["contract"], lineage["billed_minutes"], lineage["instrument"]) == (contract, 8, CODE)
    assert [(row["seconds"], row["sequence"]) for row in lineage["minutes"]] == [
        (60, number + 1) for number in range(8)
    ]
    assert [(day["minutes"], day["period"]) for day in lineage["days"]] == [(8, MONTH)]
    assert lineage["documents"] == [{"id": document["id"], "number": document["number"], "kind": "invoice"}]
    assert lineage["order"]["client_order_id"] == "mine"
    assert lineage["trade"]["guests"] == 1
    assert {row["kind"] for row in lineage["transfers"]} == {"trade", "settle", "complete"}
    other = provider.get(f"/v1/contracts/{contract}/lineage").json()
    assert (other["order"]["side"], other["documents"][0]["kind"]) == ("ask", "self_billed_invoice")
    assert buyer.get(f"/v1/documents/{document['id']}/lines/9/lineage").status_code == 404
    assert buyer.get("/v1/contracts/con_none/lineage").status_code == 404


def test_a_buyer_disputes_minutes_and_the_operator_decides(
    buyer: Http, provider: Http, operator: Http, contract: str
) -> None:
    start = buyer.get(f"/v1/contracts/{contract}/lineage").json()["minutes"][0]["minute"]
    body: dict[str, Any] = {
        "contract": contract,
        "start": start,
        "end": minute_text(START_MINUTE + 30),
        "reason": "slow",
    }
    assert provider.post("/v1/disputes", body).status_code == 404
    made = buyer.post("/v1/disputes", body)
    assert made.status_code == 201, made.text
    dispute = made.json()
    assert float(buyer.get("/v1/account").json()["escrow"]) > 0
    assert operator.get("/v1/disputes", params={"state": "open"}).json()["items"] == [dispute]
    path = f"/v1/disputes/{dispute['id']}/decision"
    assert buyer.post(path, {"decision": "upheld", "note": "me"}).status_code == 403
    decided = operator.post(path, {"decision": "upheld", "note": "true"}).json()
    assert (decided["state"], decided["note"]) == ("upheld", "true")
    assert buyer.get(f"/v1/contracts/{contract}/disputes").json()["items"] == [decided]
    account = buyer.get("/v1/account").json()
    assert (account["cash"], account["escrow"]) == ("100.000000", "0.000000")
    again = operator.post(path, {"decision": "rejected", "note": "no"})
    assert (again.status_code, again.json()["code"]) == (409, "state_forbids")


def test_an_operator_decides_conflicts_credits_minutes_and_sees_refused_records(
    buyer: Http, operator: Http, world: World, contract: str
) -> None:
    first = buyer.get(f"/v1/contracts/{contract}/lineage").json()
    wrong = UsageReport(first["node"], 99, START_MINUTE - 99, (GuestMinute(contract, 60, 1),))
    with world.begin() as connection:
        metering.record(connection, OVER, [wrong])
    page = operator.get("/v1/usage/refused", params={"contract": contract, "limit": 1}).json()
    assert [(row["sequence"], row["reason"]) for row in page["items"]] == [(99, "outside_window")]
    assert operator.get("/v1/usage/refused", params={"after": page["next"]}).json()["items"] == []
    assert operator.get("/v1/usage/refused", params={"after": "!"}).json()["code"] == "malformed_cursor"
    body = {"contract": contract, "minute": first["minutes"][0]["minute"], "seconds": 0, "note": "it was down"}
    assert operator.post("/v1/disputes/minute", body).json()["state"] == "upheld"
    close(world)
    day = first["minutes"][0]["minute"][:10]
    credit = {"contract": contract, "day": day, "minutes": 7, "key": "sorry", "reason": "it was slow"}
    made = operator.post("/v1/credits", credit)
    assert made.status_code == 201, made.text
    assert operator.post("/v1/credits", credit).json() == made.json()
    assert buyer.get("/v1/account").json()["cash"] == "100.000000"
    assert operator.post("/v1/credits", credit | {"key": "more"}).json()["field"] == "minutes"
