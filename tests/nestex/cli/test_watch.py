"""`nestex watch` prints what is committed while it listens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest

from common.errors import NestexError
from tests.market.factories import CODE
from tests.market.http.bodies import ask, bid, later, resting_bid
from tests.market.http.conftest import Http
from tests.nestex.cli.conftest import Run


@contextmanager
def watching(who: Http, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "nestex", "watch", *arguments]
    environment = os.environ | {"NESTEX_URL": who.url, "NESTEX_API_KEY": str(who.key)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def line(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def test_a_book_is_printed_as_it_changes(buyer: Http) -> None:
    with watching(buyer, "book", CODE, "--count", "2", "--json") as process:
        assert line(process)["type"] == "snapshot"
        buyer.post("/v1/orders", resting_bid())
        change = line(process)
        assert (change["type"], change["bids"]) == ("delta", [{"price": "0.012000", "slices": 1}])
        assert process.wait(30) == 0


def test_every_channel_has_a_line_for_people(run: Run, buyer: Http, provider: Http, node_id: str) -> None:
    buyer.post("/v1/orders", resting_bid(price="0.003"))
    assert "bid  0.003000  1" in run(buyer, "watch", "book", CODE, "--count", "1").output
    assert "cash 100.000000" in run(buyer, "watch", "account", "--count", "1").output
    provider.post("/v1/orders", ask(node_id))
    starts = count(1, 12)
    for names, expected in ((("orders",), "  bid  "), (("contracts",), "  guest  "), (("trades", CODE), "  1 x 1  ")):
        with watching(buyer, *names, "--count", "1") as process:
            while not _has_ended(process):
                traded = buyer.post("/v1/orders", bid(start_from=later(next(starts)))).json()
                assert traded["state"] == "filled"
            assert process.stdout is not None
            assert expected in process.stdout.read()
            assert process.returncode == 0


def _has_ended(process: subprocess.Popen[str]) -> bool:
    try:
        process.wait(1)
    except subprocess.TimeoutExpired:
        return False
    return True


@pytest.mark.parametrize("instrument", ["fra1.none.firm"])
def test_a_refusal_is_the_market_s_own(run: Run, buyer: Http, instrument: str) -> None:
    refused = run(buyer, "watch", "trades", instrument)
    assert isinstance(refused.exception, NestexError)
    assert refused.exception.code == "not_found"
    unknown = run(buyer.as_("nx.none"), "watch", "orders")
    assert isinstance(unknown.exception, NestexError)
    assert unknown.exception.code == "key_invalid"
