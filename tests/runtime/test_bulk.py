from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.exc import DataError, IntegrityError

from runtime.bulk import insert_rows
from runtime.tables import feed

FEW, MANY = 49, 50


def rows(count: int, subject: str = "a", payload: Any = ()) -> list[dict[str, Any]]:
    return [
        {
            "stream": "s",
            "position": 1 + number,
            "kind": "order",
            "subject": subject,
            "payload": payload or {},
            "at_micros": 5,
        }
        for number in range(count)
    ]


def kept(database: Engine) -> list[tuple[Any, ...]]:
    with database.begin() as connection:
        return [tuple(row) for row in connection.execute(select(feed).order_by(feed.c.position))]


@pytest.mark.parametrize("count", [0, 1, FEW, MANY, 1000])
def test_few_rows_and_many_are_kept_alike(database: Engine, count: int) -> None:
    payload = {"text": 'a tab\t, a \\ and a "quote"\n', "none": None, "numbers": [1, -(2**60)], "\\N": "é✓"}
    with database.begin() as connection:
        insert_rows(connection, feed, rows(count, "\\N\t\n\\.", payload))
    assert kept(database) == [("s", 1 + number, "order", "\\N\t\n\\.", payload, 5) for number in range(count)]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])), min_size=FEW))
def test_any_text_comes_back_as_it_was(database: Engine, texts: list[str]) -> None:
    told = [row | {"subject": text, "payload": [text]} for row, text in zip(rows(len(texts)), texts, strict=True)]
    with database.begin() as connection:
        insert_rows(connection, feed, told)
        found = connection.execute(select(feed.c.subject, feed.c.payload).order_by(feed.c.position)).all()
        connection.rollback()  # for the next example
    assert [(subject, payload) for subject, payload in found] == [(text, [text]) for text in texts]


@pytest.mark.parametrize("count", [FEW, MANY])
def test_a_row_that_is_there_already_refuses_all(database: Engine, count: int) -> None:
    with database.begin() as connection:
        insert_rows(connection, feed, rows(1))
    with pytest.raises(IntegrityError), database.begin() as connection:
        insert_rows(connection, feed, list(reversed(rows(count))))
    assert len(kept(database)) == 1


@pytest.mark.parametrize("count", [FEW, MANY])
def test_a_value_that_cannot_be_kept_refuses_all(database: Engine, count: int) -> None:
    with pytest.raises(DataError), database.begin() as connection:
        insert_rows(connection, feed, [*rows(count), rows(1, "a", {"nul": "\x00"})[0] | {"position": 0}])
    assert kept(database) == []
