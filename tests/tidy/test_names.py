"""Names that tell what is inside, docstrings where no linter asks for them, tests where the code is."""

from __future__ import annotations

import ast
from pathlib import PurePosixPath

from tests.tidy.tree import ROOT, files, packages, sources

# What a file holds that has one of these names, nobody can tell.
VAGUE = {"utils", "util", "helpers", "helper", "manager", "managers", "base", "misc", "common_utils", "tools", "stuff"}

# Folders of tests that join several packages, or look at the repository itself.
OF_THEIR_OWN = {"tests/tidy", "tests/simulation", "tests/reliability"}


def test_names_of_files_and_folders_say_what_is_inside() -> None:
    vague = [
        path
        for path in files()
        if any(part.split(".")[0] in VAGUE for part in PurePosixPath(path).parts) and not path.startswith("docs/")
    ]
    assert not vague, f"name the idea, not the shape: {vague}"


def test_every_module_says_what_it_is_for() -> None:
    silent = [source.path for source in sources() if source.text and not ast.get_docstring(source.tree)]
    silent = [path for path in silent if not _is_named_after_its_rule(path)]
    assert not silent, f"begin with a docstring: what the module is for, where it stands: {silent}"


def test_every_script_says_what_it_is_for() -> None:
    scripts = [path for path in files() if path.startswith(("scripts/", ".ci/"))]
    silent = [path for path in scripts if "# " not in "".join((ROOT / path).read_text().splitlines(keepends=True)[:2])]
    assert not silent, f"begin with a comment: what the script is for: {silent}"


def test_every_package_has_tests() -> None:
    untested = [
        package for package in packages() if not any(path.startswith(f"tests/{package}/") for path in _test_files())
    ]
    assert not untested, f"no tests in tests/<package>/: {untested}"


def test_folders_of_tests_mirror_folders_of_the_code() -> None:
    folders = {str(PurePosixPath(path).parent) for path in _test_files()} - OF_THEIR_OWN - {"tests"}
    stray = [folder for folder in sorted(folders) if not (ROOT / folder.removeprefix("tests/")).is_dir()]
    assert not stray, f"the code has no such folder: {stray}"


def test_tests_are_a_package_tree() -> None:
    folders = {PurePosixPath(source.path).parent for source in sources() if source.package == "tests"}
    loose = [str(folder) for folder in sorted(folders) if not (ROOT / folder / "__init__.py").is_file()]
    assert not loose, f"two tests of one name would collide; add __init__.py: {loose}"


def _test_files() -> list[str]:
    return [path for path in files() if path.startswith("tests/") and PurePosixPath(path).name.startswith("test_")]


def _is_named_after_its_rule(path: str) -> bool:
    """Tests speak through the names of their functions."""
    return PurePosixPath(path).name.startswith("test_")
