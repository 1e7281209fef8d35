from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import ERROR_CODES, Conflict, NestexError
from common.guest_states import GUEST_STATES
from common.states import StateTable, state_table
from common.wire import GuestState
from market.contract_states import CONTRACT_STATES

TABLES = (GUEST_STATES, CONTRACT_STATES)


@given(st.sampled_from(TABLES), st.data())
def test_a_table_refuses_every_change_that_is_not_one_of_its_rows(table: StateTable, data: st.DataObject) -> None:
    old, new = (data.draw(st.sampled_from(sorted(table.rows))) for _ in range(2))
    if new in table.rows[old]:
        table.check(old, new)
    else:
        with pytest.raises(Conflict):
            table.check(old, new)


def test_states_that_nothing_follows_are_terminal() -> None:
    table = state_table("door", "open -> closed\nclosed -> open locked")
    assert table.terminal == {"locked"}


def test_the_wire_knows_every_state_of_a_guest() -> None:
    assert set(GUEST_STATES.rows) == set(GuestState.__args__)  # type: ignore[attr-defined]  # Literal has __args__


def test_contracts_end_in_the_five_ways_of_the_rules() -> None:
    assert CONTRACT_STATES.terminal == {"completed", "released", "reclaimed", "failed", "busted"}


def test_an_error_carries_a_code_of_the_closed_list() -> None:
    assert all(sentence.endswith(".") for sentence in ERROR_CODES.values())
    with pytest.raises(AssertionError):
        NestexError("no_such_code", "x")
