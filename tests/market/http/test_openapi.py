"""Random requests, valid and invalid, made from the OpenAPI document, against the real app: no 500, and no answer whose
status, media type or body is outside the document."""

from __future__ import annotations

import zlib
from collections import Counter
from typing import Any

import schemathesis
from schemathesis import Case, HookContext
from schemathesis.config import SchemathesisConfig
from schemathesis.core.transport import Response
from schemathesis.engine import events, from_schema
from schemathesis.generation import GenerationMode
from schemathesis.schemas import BaseSchema

from tests.market.factories import CODE, World
from tests.market.http.bodies import PROVIDER, ask, bid, later
from tests.market.http.conftest import Http, online_node

EXAMPLES = 4
"""Random requests for each operation, beside those that try every limit of every field."""

CONFIG: dict[str, Any] = {
    "seed": 20_261_123,
    "continue-on-failure": True,
    "request-timeout": 60,  # a thousand orders in one call, on a machine that does much else
    "generation": {"mode": "all", "max-examples": EXAMPLES, "deterministic": True, "database": "none"},
    "checks": {
        # The document tells the form of a request. The market's rules refuse more, with 422: a price between two ticks,
        # an instant that is over, two attributes that contradict each other.
        "positive_data_acceptance": {"enabled": False},
        # DELETE takes an order off the book, or ends a key: both stay to be read.
        "use_after_free": {"enabled": False},
    },
    "operations": [
        {
            # A faulty order in a batch is answered on its own, with its problem inside an answer of 200.
            "include-name": "POST /v1/orders/batch",
            "checks": {"negative_data_rejection": {"enabled": False}},
        },
    ],
}


def test_no_answer_to_an_operator_is_outside_the_document(operator: Http, buyer: Http, world: World) -> None:
    deposit = {"participant": operator.participant, "amount": "100.00", "key": "own"}
    assert operator.post("/v1/deposits", deposit).status_code == 201
    assert operator.post("/v1/providers", PROVIDER).status_code == 201
    _check(operator, buyer, online_node(world, operator), {"phases": {"stateful": {"enabled": False}}})


def test_no_answer_to_a_participant_is_outside_the_document(provider: Http, buyer: Http, world: World) -> None:
    _check(provider, buyer, online_node(world, provider), {"phases": {"coverage": {"enabled": False}}})


def _check(caller: Http, buyer: Http, node_id: str, phases: dict[str, Any]) -> None:
    offered = caller.post("/v1/orders", ask(node_id)).json()["id"]
    assert buyer.post("/v1/orders", bid()).json()["state"] == "filled"
    contract = caller.get("/v1/contracts").json()["items"][0]["id"]
    existing = {"code": CODE, "order": offered, "contract": contract, "node": node_id, "stream": "engine.fra1"}
    settings = CONFIG | phases | {"headers": {"Authorization": f"Bearer {caller.key}"}}
    schema = schemathesis.openapi.from_url(f"{caller.url}/openapi.json", config=SchemathesisConfig.from_dict(settings))
    _speak_of_what_exists(schema, existing)
    failures, statuses = _run(schema)
    assert not failures, "\n".join(failures)
    assert statuses.keys() >= {200, 201, 404, 422}


def _speak_of_what_exists(schema: BaseSchema, existing: dict[str, str]) -> None:
    """Ids made at random name nothing: every other valid request names what there is, so that it goes further."""

    def map_case(context: HookContext, case: Case[Any]) -> Case[Any]:
        is_valid = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
        if not is_valid or zlib.crc32(repr((case.path_parameters, case.body)).encode()) % 2:
            return case
        case.path_parameters.update({name: existing[name] for name in case.path_parameters if name in existing})
        for body in _orders(case.body):
            body |= {"instrument": CODE, "price": "0.012"}
            if "node" in body:
                body |= {"node": existing["node"], "available_until": later(600)}
            body.pop("start_from", None)
            body.pop("available_from", None)
        return case

    schema.hook(map_case)


def _orders(body: Any) -> list[dict[str, Any]]:
    bodies: Any = body.get("orders", body.get("bids", [body])) if isinstance(body, dict) else []
    return [order for order in bodies if isinstance(order, dict) and "instrument" in order]


def _run(schema: BaseSchema) -> tuple[list[str], Counter[int]]:
    """What the checks found, and how many answers there were of each status."""
    failures: list[str] = []
    statuses: Counter[int] = Counter()
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError):
            failures.append(f"{event.label}: {event.value!r}")
        if isinstance(event, events.ScenarioFinished):
            answers = (interaction.response for interaction in event.recorder.interactions.values())
            statuses.update(answer.status_code for answer in answers if answer is not None)
            failures += [
                f"{event.label}: {check.name}: {check.failure_info.failure.message}\n{check.failure_info.code_sample}"
                for case, checks in event.recorder.checks.items()
                for check in checks
                if check.failure_info is not None and not _is_right(event.recorder.interactions[case].response)
            ]
    return failures, statuses


def _is_right(response: Response | None) -> bool:
    """What the checks take for wrong, and is not: a bad body that is refused for its size before anybody reads it."""
    too_large = response is not None and response.status_code == 413
    return too_large or _nobody_is_there(response)


def _nobody_is_there(response: Response | None) -> bool:
    """Instruments may be opened in any zone, and this run opens some; only fra1 has an engine here, and no node has an
    agent. Those 503, which the document knows, are right; any other is a failure."""
    absent = (b"no engine of zone", b"node_unavailable")
    return response is not None and response.status_code == 503 and any(word in response.content for word in absent)
