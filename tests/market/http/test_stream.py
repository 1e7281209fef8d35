"""The stream: every change is heard once, in order, from any place, by those who may."""

from __future__ import annotations

from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from market.http.stream import connection as serving
from market.http.stream import open_streams
from tests.market.factories import CODE
from tests.market.http.bodies import ask, bid, resting_bid
from tests.market.http.conftest import Http
from tests.market.http.stream_client import BookCopy, Stream, address, closed, stream_of

BOOK = f"book:{CODE}"
TRADES = f"trades:{CODE}"


def test_a_book_is_its_snapshot_and_every_delta_since(provider: Http, buyer: Http, node_id: str) -> None:
    buyer.post("/v1/orders", resting_bid(price="0.003"))
    with stream_of(buyer) as stream:
        stream.subscribe(BOOK)
        copy = BookCopy()
        copy.take(stream.until("snapshot"))
        assert copy.levels("bids") == [{"price": "0.003000", "slices": 1}]
        provider.post("/v1/orders", ask(node_id))
        for price in ("0.0012", "0.0024", "0.0048"):
            buyer.post("/v1/orders", resting_bid(price=price))
        buyer.post("/v1/orders", bid())
        buyer.delete("/v1/orders", params={"side": "bid"})
        book = buyer.get(f"/v1/instruments/{CODE}/book").json()
        assert book["bids"] == []
        while (copy.levels("bids"), copy.levels("asks")) != (book["bids"], book["asks"]):
            copy.take(stream.until("delta"))
    with stream_of(buyer) as stream:
        stream.say(op="subscribe", channel=BOOK, after={BOOK: 1})
        stream.next()
        assert stream.next()["type"] == "snapshot", "nobody remembers what led from there"


def test_a_book_goes_on_where_a_reader_was_while_others_read_it(buyer: Http) -> None:
    with stream_of(buyer) as other, stream_of(buyer) as stream:
        other.subscribe(BOOK)
        other.until("snapshot")
        stream.subscribe(BOOK)
        copy = BookCopy()
        copy.take(stream.until("snapshot"))
        buyer.post("/v1/orders", resting_bid())
        other.until("delta")
        with stream_of(buyer) as again:
            again.say(op="subscribe", channel=BOOK, after={BOOK: copy.sequence})
            assert again.next()["sequences"] == {BOOK: copy.sequence}
            missed = again.next()
            assert missed["type"] == "delta"
            copy.take(missed)
    assert copy.levels("bids") == [{"price": "0.012000", "slices": 1}]


def test_trades_are_heard_by_everybody_in_order(provider: Http, buyer: Http, node_id: str) -> None:
    provider.post("/v1/orders", ask(node_id))
    with stream_of(buyer) as stream:
        subscribed = stream.subscribe(TRADES)
        for _ in range(3):
            buyer.post("/v1/orders", bid())
        heard = [stream.until("trade") for _ in range(3)]
    assert [message["trade"] for message in heard] == buyer.get(f"/v1/instruments/{CODE}/trades").json()["items"]
    before = [subscribed["sequences"]["engine.fra1"], *(message["sequence"] for message in heard)]
    assert [message["previous_sequence"] for message in heard] == before[:-1]


def test_who_comes_back_hears_what_was_missed_and_nothing_twice(provider: Http, buyer: Http, node_id: str) -> None:
    provider.post("/v1/orders", ask(node_id))
    assert buyer.post("/v1/orders", bid()).json()["state"] == "filled"
    with stream_of(buyer) as stream:
        start = stream.subscribe("orders")["sequences"]["engine.fra1"]
        first = buyer.post("/v1/orders", resting_bid(price="0.003")).json()
        heard = stream.until("order")
        assert heard["order"] == first
        assert heard["previous_sequence"] == start
    second = buyer.post("/v1/orders", resting_bid(price="0.003")).json()
    buyer.delete("/v1/orders")
    with stream_of(buyer) as stream:
        assert stream.subscribe("orders", engine_fra1=heard["sequence"])["sequences"] == {
            "engine.fra1": heard["sequence"]
        }
        missed = [stream.until("order") for _ in range(3)]
    told = [(message["order"]["id"], message["change"]["state"]) for message in missed]
    assert told == [(second["id"], "new"), (first["id"], "canceled"), (second["id"], "canceled")]
    assert missed[0]["previous_sequence"] == heard["sequence"]


def test_orders_contracts_and_account_are_heard_by_their_owner_alone(provider: Http, buyer: Http, node_id: str) -> None:
    with stream_of(buyer) as stream, stream_of(provider) as other:
        for each in (stream, other):
            for channel in ("contracts", "orders", "account"):
                each.subscribe(channel)
                if channel == "account":
                    assert each.until("account")["account"]["cash"] == "100.000000"
        provider.post("/v1/orders", ask(node_id))
        bought = buyer.post("/v1/orders", bid()).json()
        [row] = buyer.get("/v1/contracts").json()["items"]
        made = [_of(stream, kind) for kind in ("contract", "order", "account")]
        assert made[0]["contract"] == row
        assert made[1]["order"]["id"] == bought["id"]
        assert made[2]["account"] == buyer.get("/v1/account").json()
        assert (made[2]["previous_sequence"], made[2]["sequence"]) == (1, 2)
        assert _of(other, "contract")["contract"]["role"] == "provider"
        assert _of(other, "account")["account"] == provider.get("/v1/account").json()
        heard = [message["order"]["side"] for message in other.heard if message["type"] == "order"]
        assert set(heard) <= {"ask"}


def _of(stream: Stream, type_: str) -> dict[str, Any]:
    """The first message of the type after the subscriptions, heard already or to come; the first balances belong to
    the subscription."""
    known = [message for message in stream.heard if message["type"] == type_][type_ == "account" :]
    return known[0] if known else stream.until(type_)


def test_heartbeats_tell_how_far_each_channel_has_come(
    buyer: Http, provider: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "HEARTBEAT_SECONDS", 0.2)
    with stream_of(provider) as stream:
        assert stream.subscribe("orders")["sequences"] == {}
        buyer.post("/v1/orders", resting_bid())
        while (beat := stream.until("heartbeat"))["sequences"] != {"orders": {"engine.fra1": 1}}:
            assert beat["sequences"] in ({"orders": {}}, {"orders": {"engine.fra1": 0}})


def test_a_browser_says_its_key_first(buyer: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    with connect(address(buyer), proxy=None) as connection:
        stream = Stream(connection)
        stream.say(op="authenticate", key=buyer.key)
        assert stream.next()["participant"] == buyer.participant
        stream.say(op="authenticate", key=buyer.key)
        assert stream.next()["problem"]["code"] == "state_forbids"
    for first in ('{"op":"authenticate","key":"nx.none"}', '{"op":"subscribe","channel":"orders"}', "nothing", None):
        monkeypatch.setattr(serving, "AUTHENTICATION_SECONDS", 0.2 if first is None else 10)
        with connect(address(buyer), proxy=None) as connection:
            if first is not None:
                connection.send(first)
            assert closed(connection) in ((4401, "key_invalid"), (4401, "key_missing"))


def test_who_may_not_come_in_is_told_before_the_upgrade(buyer: Http) -> None:
    cases = ({"Authorization": "Bearer nx.none"}, 401), ({"Authorization": "Basic eDp5"}, 401)
    for headers, status in cases:
        with pytest.raises(InvalidStatus) as caught, connect(address(buyer), additional_headers=headers, proxy=None):
            pass
        assert caught.value.response.status_code == status
        assert caught.value.response.headers["content-type"] == "application/problem+json"
    with pytest.raises(InvalidStatus) as caught, connect(f"{address(buyer)}?key=x", proxy=None):
        pass
    assert caught.value.response.status_code == 422


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ('{"op":"subscribe","channel":"orders","colour":"red"}', "unknown_field"),
        ('{"op":"subscribe","channel":"orders","channel":"orders"}', "duplicate_field"),
        ('{"op":"subscribe"}', "missing_field"),
        ('{"op":"shout"}', "invalid_field"),
        ('{"op":"subscribe","channel":"weather"}', "invalid_field"),
        ('{"op":"subscribe","channel":"orders:fra1.std.firm"}', "invalid_field"),
        ('{"op":"subscribe","channel":"book:fra1.none.firm"}', "not_found"),
        ('{"op":"subscribe","channel":"orders","after":{"engine.fra1":99}}', "invalid_field"),
        ('{"op":"subscribe","channel":"orders","after":{"contracts":0}}', "invalid_field"),
        ('{"op":"subscribe","channel":"orders","after":{"engine.fra1":-1}}', "invalid_field"),
        ("[]", "malformed_body"),
        ("{", "malformed_body"),
        ("NaN", "malformed_body"),
        ("[" * 500, "malformed_body"),
    ],
)
def test_a_message_that_is_wrong_is_refused_and_the_stream_goes_on(buyer: Http, message: str, code: str) -> None:
    with stream_of(buyer) as stream:
        stream.connection.send(message)
        assert stream.next()["problem"]["code"] == code
        assert stream.subscribe("orders")["type"] == "subscribed"
        assert stream.subscribe("orders")["problem"]["code"] == "already_exists"
        stream.say(op="unsubscribe", channel="orders")
        assert stream.next() == {"type": "unsubscribed", "channel": "orders"}
        assert stream.subscribe("orders")["type"] == "subscribed"


def test_the_account_is_for_keys_that_may_see_it(buyer: Http) -> None:
    trading = buyer.post("/v1/keys", {"name": "bot", "scopes": ["trade"]}).json()
    with stream_of(buyer.as_(trading["api_key"], buyer.participant)) as stream:
        assert stream.subscribe("account")["problem"]["code"] == "scope_missing"
        assert stream.subscribe("orders")["type"] == "subscribed"


def test_a_stream_ends_with_its_key(buyer: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "HEARTBEAT_SECONDS", 0.2)
    made = buyer.post("/v1/keys", {"name": "bot", "scopes": ["trade"]}).json()
    with stream_of(buyer.as_(made["api_key"], buyer.participant)) as stream:
        stream.until("heartbeat")
        buyer.delete(f"/v1/keys/{made['key']['id']}")
        assert closed(stream.connection) == (4401, "key_invalid")


def test_streams_and_their_channels_are_so_many(buyer: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_streams, "MOST_OF_ONE", 1)
    monkeypatch.setattr(serving, "MOST_SUBSCRIPTIONS", 1)
    with stream_of(buyer) as stream:
        stream.subscribe("orders")
        assert stream.subscribe("contracts")["problem"]["code"] == "too_many_streams"
        with stream_of(buyer) as second:
            assert closed(second.connection) == (4429, "too_many_streams")
    with stream_of(buyer) as third:
        assert third.subscribe("orders")["type"] == "subscribed"


def test_messages_are_so_large(buyer: Http) -> None:
    with stream_of(buyer) as stream:
        stream.say(op="subscribe", channel="x" * serving.LARGEST_MESSAGE)
        assert stream.next()["problem"]["code"] == "body_too_large"
