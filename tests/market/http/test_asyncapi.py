"""The AsyncAPI document says what is really said on the stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from market.http.stream.connection import parsed
from tests.market.factories import CODE
from tests.market.http.bodies import ask, bid, resting_bid
from tests.market.http.conftest import Http
from tests.market.http.stream_client import stream_of


def document(who: Http) -> dict[str, Any]:
    answer = who.as_(None).get("/asyncapi.json")
    assert answer.status_code == 200
    made: dict[str, Any] = answer.json()
    return made


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from references(inner)


def payload(made: dict[str, Any], message: str) -> jsonschema_rs.Validator:
    """Of a message, with all that it refers to."""
    schema = made["components"]["messages"][message]["payload"]
    return jsonschema_rs.validator_for({"components": made["components"]} | schema)


def test_every_reference_leads_to_something(operator: Http) -> None:
    made = document(operator)
    assert made["asyncapi"] == "3.0.0"
    for reference in references(made):
        found = made
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
    of_operations = [one["$ref"] for each in made["operations"].values() for one in each["messages"]]
    assert {name.rpartition("/")[2] for name in of_operations} == set(made["components"]["messages"])


def test_what_is_said_on_the_stream_is_in_the_document(provider: Http, buyer: Http, node_id: str) -> None:
    made = document(buyer)
    kinds = {
        message["properties"]["type"]["const"]: name
        for name in made["components"]["messages"]
        if "type" in (message := made["components"]["schemas"][name])["properties"]
    }
    provider.post("/v1/orders", ask(node_id))
    with stream_of(buyer) as stream:
        for channel in (f"book:{CODE}", f"trades:{CODE}", "orders", "contracts", "account", "weather"):
            stream.say(op="subscribe", channel=channel)
        stream.until("problem")
        buyer.post("/v1/orders", bid())
        stream.say(op="unsubscribe", channel="weather")
        buyer.post("/v1/orders", resting_bid(price="0.003"))
        for kind in sorted(kinds.keys() - {"heartbeat"}):
            if kind not in {message["type"] for message in stream.heard}:
                stream.until(kind)
        for message in stream.heard:
            payload(made, kinds[message["type"]]).validate(message)


def test_what_the_document_lets_a_client_say_is_understood(operator: Http) -> None:
    made = document(operator)
    cases: dict[str, dict[str, Any]] = {
        "Authenticate": {"op": "authenticate", "key": "nx.key"},
        "Subscribe": {"op": "subscribe", "channel": "orders", "after": {"engine.fra1": 7}},
        "Unsubscribe": {"op": "unsubscribe", "channel": "orders"},
    }
    for name, message in cases.items():
        schema = payload(made, name)
        schema.validate(message)
        assert type(parsed(json.dumps(message))).__name__ == name
        assert not schema.is_valid(message | {"colour": "red"})
