"""Arrays as text: what PostgreSQL reads is what was meant, whatever the texts hold."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from common.money import LARGEST_MICROS
from runtime.arrays import number_array, text_array

_READ = text("SELECT CAST(:texts AS text[]), CAST(:numbers AS bigint[])")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0")) | st.sampled_from(["NULL", '"', "\\", "{},"])
    ),
    st.lists(st.integers(-LARGEST_MICROS, LARGEST_MICROS)),
)
def test_an_array_arrives_as_it_was_meant(database: Engine, texts: list[str], numbers: list[int]) -> None:
    with database.begin() as connection:
        read = connection.execute(_READ, {"texts": text_array(texts), "numbers": number_array(numbers)}).one()
    assert tuple(read) == (texts, numbers)
