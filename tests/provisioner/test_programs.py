from __future__ import annotations

import pytest

from common.errors import Unavailable
from provisioner.programs import find_program, run_program


def test_what_a_program_writes_is_returned() -> None:
    assert run_program("echo", "a", "b") == "a b\n"


def test_a_failure_tells_what_the_program_complained_of() -> None:
    with pytest.raises(Unavailable, match="no-such-file"):
        run_program("cat", "no-such-file")


def test_codes_that_mean_something_else_than_failure_may_be_named() -> None:
    assert run_program("false", good=(0, 1)) == ""


def test_a_program_that_is_not_installed_is_named() -> None:
    assert find_program("no-such-program") is None
    with pytest.raises(Unavailable, match="no-such-program is not installed"):
        run_program("no-such-program")


def test_programs_get_nothing_of_this_process_s_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NESTEX_AGENT_TOKEN", "secret")
    assert "secret" not in run_program("env")
