from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from common import fault_points

ROOT = Path(__file__).parents[2]
REACH = "from common import fault_points; fault_points.reach('engine.written'); print('passed')"


def reach(file: Path | None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "NESTEX_FAULT_FILE"}
    if file is not None:
        environment["NESTEX_FAULT_FILE"] = str(file)
    return subprocess.run(
        [sys.executable, "-c", REACH], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_a_fault_happens_once_at_its_point(tmp_path: Path) -> None:
    file = tmp_path / "fault"
    fault_points.arm(file, "engine.written", "kill")
    assert reach(file).returncode == -signal.SIGKILL
    assert reach(file).stdout == "passed\n"


def test_another_point_and_a_process_without_faults_pass(tmp_path: Path) -> None:
    file = tmp_path / "fault"
    fault_points.arm(file, "engine.committed", "kill")
    assert reach(file).stdout == "passed\n"
    assert file.exists()
    assert reach(None).stdout == "passed\n"


def test_only_points_and_actions_that_exist_can_be_armed(tmp_path: Path) -> None:
    for point, action in (("engine.nowhere", "kill"), ("engine.written", "explode")):
        with pytest.raises(AssertionError):
            fault_points.arm(tmp_path / "fault", point, action)


def test_the_list_of_points_is_what_the_code_reaches() -> None:
    packages = ("market", "billing", "provisioner", "runtime")
    reached = [
        str(call.args[0].value)
        for package in packages
        for file in (ROOT / package).rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "fault_points.reach"
        if isinstance(call.args[0], ast.Constant)
    ]
    assert set(reached) == set(fault_points.POINTS)
