from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from common.ids import KINDS, derived_id, is_id, new_id

times = st.integers(0, 2**48 - 2)


@given(times)
def test_ids_of_a_kind_sort_by_time(at_ms: int) -> None:
    assert new_id("ord", at_ms) < new_id("ord", at_ms + 1)


@given(times, st.integers(0, 2**63), st.integers(0, 100))
def test_a_derived_id_is_the_same_for_the_same_seed_and_no_other(at_ms: int, sequence: int, ordinal: int) -> None:
    derived = derived_id("con", at_ms, "fra1", sequence, ordinal)
    assert derived == derived_id("con", at_ms, "fra1", sequence, ordinal)
    assert derived != derived_id("con", at_ms, "fra1", sequence, ordinal + 1)
    assert is_id(derived, "con")


@given(st.text(max_size=40))
def test_text_that_is_no_id_is_not_taken_for_one(text: str) -> None:
    assert not is_id(text, "ord") or (text.startswith("ord_") and len(text) == 30)


def test_every_kind_makes_ids_of_its_own() -> None:
    assert all(is_id(new_id(kind, 0), kind) for kind in KINDS)
