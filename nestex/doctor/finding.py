"""What one check of the doctor found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warning", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`found` says how it is, `remedy` what to do, empty where all is well."""

    check: str
    verdict: Verdict
    found: str
    remedy: str = ""


def ok(check: str, found: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", found)


def warning(check: str, found: str, remedy: str) -> Finding:
    """It works, and should be seen to."""
    return Finding(check, "warning", found, remedy)


def bad(check: str, found: str, remedy: str) -> Finding:
    """It does not work, or puts data at risk."""
    return Finding(check, "bad", found, remedy)
