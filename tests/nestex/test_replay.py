from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.auditor.twin import Twin
from matching.commands import Command
from nestex.replay_lines import LONGEST_LINE
from tests.matching.histories import ALONE, histories
from tests.nestex.replaying import ASK, BID, TICK, answers, as_line, as_printed, expressible, run, without


def test_a_trade_and_the_end_of_an_order_have_the_shapes_of_the_page() -> None:
    assert answers(ASK, BID) == [
        {"event": "trade", "bid": "b1", "ask": "a1", "price": 200, "start": 1001, "end": 1061, "guests": 2,
         "slices_per_guest": 2},
        {"event": "done", "order": "b1", "state": "filled", "reason": "fully_filled"},
    ]  # fmt: skip


def test_every_attribute_reaches_the_auction() -> None:
    own = BID | {"order": "b2", "participant": "p1"}
    assert answers(ASK, own | {"stp": "cancel_both"})[0]["order"] == "a1"
    assert answers(ASK, BID | {"post_only": True})[0]["reason"] == "post_only_would_trade"
    assert answers(BID | {"tif": "fok"})[0]["reason"] == "fok_unfilled"
    assert (
        answers(ASK | {"tif": "gtd", "expires_at": 1001}, TICK | {"minute": 1001})[0]["reason"] == "expires_at_reached"
    )
    assert answers(ASK | {"min_minutes": 61}, BID) == []
    assert answers(ASK, BID | {"start_from": 1050})[0]["start"] == 1050
    amendment = {"kind": "amend", "minute": 1000, "order": "b1"}
    assert answers(ASK | {"price": 201}, BID, amendment | {"price": 201})[0]["price"] == 201
    assert answers(BID, ASK | {"slices": 2}, amendment | {"guests": 1})[-1]["state"] == "filled"
    assert answers(ASK, amendment | {"order": "a1", "slices": 3}, BID)[0]["guests"] == 1
    assert answers(ASK, {"kind": "cancel", "minute": 1000, "order": "a1"})[0]["reason"] == "requested"


@pytest.mark.parametrize("spacing", ["%s\n", "  %s\t\n", "%s\r\n", "%s"])
def test_any_spacing_will_do_also_a_last_line_without_an_end(spacing: str) -> None:
    text = json.dumps(ASK | {"from": 5, "until": 10}).replace(",", " ,\t").replace(":", " : ")
    assert run((spacing % text).encode())[0]["state"] == "rejected"


def test_lines_are_ended_by_a_line_feed_alone() -> None:
    odd = "a\u2028b\x85\x0cc"
    line = json.dumps(ASK | {"order": odd, "until": 1000}, ensure_ascii=False).replace("\x0c", "\\f")
    assert run(line.encode())[0]["order"] == odd


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"", "malformed_body"),
        (b"   ", "malformed_body"),
        (b"{", "malformed_body"),
        (b"[]", "malformed_body"),
        (b"1", "malformed_body"),
        (b"null", "malformed_body"),
        (b'{"kind":"tick","minute":1000}}', "malformed_body"),
        (b'\xff{"kind":"tick","minute":1000}', "malformed_body"),
        (b'{"kind":"cancel","minute":1000,"order":"\xc3"}', "malformed_body"),
        (b"[" * 1_000_000, "malformed_body"),
        (b'{"kind":' * 100_000, "malformed_body"),
        (b'{"kind":"tick","minute":' + b"9" * 5_000 + b"}", "malformed_body"),
        (b'{"kind":"tick","minute":' + b"9" * 1_001 + b"}", "invalid_field"),
        (b'{"kind":"tick","minute":1e999}', "invalid_field"),
        (b'{"kind":"tick","minute":NaN}', "invalid_field"),
        (b"{}", "missing_field"),
        (b" " * (LONGEST_LINE + 1), "body_too_large"),
    ],
)
def test_a_line_that_is_no_command_is_answered_by_its_number(line: bytes, code: str) -> None:
    tick = json.dumps(TICK).encode()
    again = json.dumps(TICK | {"minute": 1}).encode()
    assert run(b"\n".join((tick, line, again, line))) == [
        {"event": "error", "line": 2, "code": code},
        {"event": "error", "line": 3, "code": "invalid_field"},
        *([{"event": "error", "line": 4, "code": code}] if line else []),
    ]


def test_a_line_as_long_as_a_line_may_be_is_read() -> None:
    line = json.dumps(ASK | {"until": 1000}).encode()
    assert run(line.ljust(LONGEST_LINE) + b"\n" + json.dumps(TICK).encode())[0]["state"] == "rejected"


@pytest.mark.parametrize(
    ("command", "name"),
    [(command, name) for command in (ASK, BID, TICK) for name in command]
    + [(ASK | {"tif": "gtd", "expires_at": 5}, "expires_at")],
)
def test_a_field_that_is_needed_is_missed(command: dict[str, Any], name: str) -> None:
    assert answers(without(command, name)) == [{"event": "error", "line": 1, "code": "missing_field"}]


@pytest.mark.parametrize("wrong", [None, True, 1.0, "1", "", [], {}, [1], 1e3])
@pytest.mark.parametrize("name", ["minute", "price", "slices", "from", "until", "min_minutes", "expires_at"])
def test_an_integer_is_nothing_else(name: str, wrong: object) -> None:
    assert answers(ASK | {name: wrong}) == [{"event": "error", "line": 1, "code": "invalid_field"}]


@pytest.mark.parametrize(
    "fault",
    [
        ASK | {"kind": "offer"}, ASK | {"kind": 1}, ASK | {"kind": ["ask"]},
        ASK | {"minute": -1}, ASK | {"price": 0}, ASK | {"price": -5}, ASK | {"slices": 0}, ASK | {"min_minutes": 0},
        ASK | {"order": 5}, ASK | {"order": None}, ASK | {"node": 1}, ASK | {"participant": 1},
        ASK | {"tif": "day"}, ASK | {"tif": None}, ASK | {"tif": ["gtc"]}, ASK | {"stp": "none"}, ASK | {"stp": {}},
        ASK | {"post_only": 1}, ASK | {"post_only": "true"}, ASK | {"post_only": None},
        BID | {"guests": 0}, BID | {"slices_per_guest": 0}, BID | {"duration": 0}, BID | {"start_from": "1001"},
        {"kind": "amend", "minute": 1000, "order": "b1"},
        {"kind": "amend", "minute": 1000, "order": "b1", "guests": 1, "price": 5},
        {"kind": "amend", "minute": 1000, "order": "b1", "guests": 1, "slices": 5},
        {"kind": "amend", "minute": 1000, "order": "b1", "guests": 0},
        {"kind": "amend", "minute": 1000, "order": "b1", "price": 2.0},
        {"kind": "amend", "minute": 1000, "order": "b1", "price": None},
    ],
)  # fmt: skip
def test_a_value_that_a_field_may_not_have_is_an_error(fault: dict[str, Any]) -> None:
    assert answers(fault, without(TICK, "minute") | {"minute": 0}) == [
        {"event": "error", "line": 1, "code": "invalid_field"}
    ], "and no time passes"


@pytest.mark.parametrize(
    "fault", [BID | {"slices": 1}, ASK | {"guests": 1}, TICK | {"order": "a1"}, TICK | {"comment": ""}]
)
def test_a_field_of_another_kind_is_an_error(fault: dict[str, Any]) -> None:
    assert answers(fault) == [{"event": "error", "line": 1, "code": "unknown_field"}]


def test_an_order_id_is_used_once_also_by_a_rejected_order_but_not_by_an_error() -> None:
    duplicate = {"event": "error", "line": 2, "code": "duplicate_order"}
    assert answers(ASK, ASK) == [duplicate]
    assert answers(ASK, BID | {"order": "a1"}) == [duplicate]
    assert answers(ASK | {"until": 1000}, ASK)[1] == duplicate
    assert answers(ASK | {"price": 0}, ASK, BID)[1]["event"] == "trade"


def test_an_error_lets_no_time_pass() -> None:
    later = {"minute": 5000}
    assert answers(ASK, BID | later | {"guests": 0}, ASK | later, TICK | later | {"x": 1}, BID)[3]["event"] == "trade"


def test_a_cancel_or_amend_of_what_is_not_open_says_nothing_but_time_passes() -> None:
    for change in ({"kind": "cancel"}, {"kind": "amend", "price": 5}, {"kind": "amend", "slices": 5}):
        assert answers(change | {"minute": 1000, "order": "never"}) == []
        assert [event["order"] for event in answers(ASK, change | {"minute": 1999, "order": "never"})] == ["a1"]
        assert answers(ASK, TICK | {"minute": 1999}, change | {"minute": 1999, "order": "a1"})[1:] == []


def test_all_instruments_and_zones_share_one_run() -> None:
    other = ASK | {"order": "a2", "instrument": "elsewhere.mem.spot", "until": 1500}
    ends = answers(ASK, other, TICK | {"minute": 3000})
    assert [event["order"] for event in ends] == ["a1", "a2"]
    assert answers(other, BID) == []


def test_names_may_be_any_text() -> None:
    names = {"order": "\ud800\u0000é", "participant": "", "node": "ÿ", "instrument": "😀"}
    assert answers(ASK | names | {"until": 0})[0]["order"] == names["order"]


def test_large_integers_are_integers() -> None:
    large = 10**1000
    events = answers(
        ASK | {"price": large, "slices": large, "from": -large, "until": large},
        BID | {"price": large, "guests": large, "start_by": large, "duration": large - 2000},
    )
    assert events[0]["guests"] == large // 2
    assert answers(BID | {"start_from": large, "start_by": large, "duration": large}) == []


@given(histories(ALONE), st.sampled_from([None, 0, 1]), st.sampled_from(["\n", " \r\n"]))
def test_the_filter_answers_what_the_slow_reading_does(
    history: list[Command], indent: int | None, line_end: str
) -> None:
    history = [expressible(command) for command in history]
    twin = Twin()
    expected = [answer for command in history for event in twin.apply(command) for answer in as_printed(event)]
    lines = [json.dumps(as_line(command), indent=indent).replace("\n", "\t") for command in history]
    assert run("".join(line + line_end for line in lines).encode()) == expected


@given(st.lists(st.binary(max_size=40) | st.sampled_from([json.dumps(c).encode() for c in (ASK, BID, TICK)])))
def test_no_bytes_break_it(lines: list[bytes]) -> None:
    answered = [event["line"] for event in run(b"\n".join(lines)) if event["event"] == "error"]
    assert answered == sorted(set(answered))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from(["b1", "gtd", "ask"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=3,
)


@given(st.lists(st.builds(
    lambda command, name, value: command | {name: value},
    st.sampled_from([ASK, BID, TICK, {"kind": "amend", "minute": 1000, "order": "b1"}]),
    st.sampled_from([*ASK, *BID, "tif", "stp", "post_only", "expires_at", "min_minutes", "start_from"]),
    json_values | st.integers(-2, 1200),
), max_size=8))  # fmt: skip
def test_no_value_breaks_it(commands: list[dict[str, Any]]) -> None:
    done = [event["order"] for event in answers(*commands) if event["event"] == "done"]
    assert len(done) == len(set(done))


def test_the_command_answers_each_line_before_it_waits_for_the_next() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "nestex", "replay"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line in (b"no command\n", b"{}\n"):
            process.stdin.write(line)
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["event"] == "error"
        process.stdin.close()
        assert process.wait(30) == 0


def test_the_command_ends_without_a_word_when_nobody_reads_on() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "nestex", "replay"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write(b"x\n")
        process.stdin.close()
        assert process.stderr.read() == b""
