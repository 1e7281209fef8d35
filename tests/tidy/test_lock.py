"""requirements.lock answers for every byte that an installation fetches."""

from __future__ import annotations

import re

from tests.tidy.tree import ROOT, project

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def test_every_package_is_pinned_and_hashed() -> None:
    unhashed = [head for head, hashes in _locked() if "==" not in head or not hashes]
    assert not unhashed, f"run `make lock`: {unhashed}"


def test_everything_that_pyproject_asks_for_is_locked() -> None:
    locked = {_normal(head) for head, _ in _locked()}
    described = project()
    asked = [
        *described["build-system"]["requires"],
        *described["project"]["dependencies"],
        *described["project"]["optional-dependencies"]["server"],
        *described["dependency-groups"]["dev"],
    ]
    missing = [requirement for requirement in asked if _normal(requirement) not in locked]
    assert not missing, f"run `make lock`: {missing}"


def _locked() -> list[tuple[str, int]]:
    """The first line of each package, and the number of its hashes."""
    paragraphs = re.split(r"^(?=[A-Za-z0-9])", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE)[1:]
    return [(paragraph.splitlines()[0], paragraph.count("--hash=sha256:")) for paragraph in paragraphs]


def _normal(requirement: str) -> str:
    found = _NAME.match(requirement)
    assert found is not None
    return re.sub(r"[-_.]+", "-", found[0]).lower()
