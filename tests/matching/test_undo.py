from __future__ import annotations

import pytest

from matching.undo import Undo


def test_changes_are_taken_back_newest_first() -> None:
    undo, taken_back = Undo(), list[int]()

    def inverse(into: list[int], number: int) -> None:
        into.append(number)

    for number in range(4):
        if number == 2:
            mark = undo.mark()
        undo.log.extend((inverse, taken_back, number))
    undo.take_back(mark)
    assert taken_back == [3, 2]
    undo.take_back(mark)
    assert taken_back == [3, 2]


def test_a_mark_is_void_once_its_past_is_final_or_gone() -> None:
    undo = Undo()
    start = undo.mark()
    undo.log.extend((lambda _target, _old: None, None, None))
    later = undo.mark()
    undo.take_back(start)
    with pytest.raises(AssertionError):
        undo.take_back(later)
    undo.log.extend((lambda _target, _old: None, None, None))
    undo.forget()
    with pytest.raises(AssertionError):
        undo.take_back(start)
    undo.take_back(undo.mark())
