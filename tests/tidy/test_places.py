"""Nothing in the repository knows the machine that it was written on, or where its packages came from."""

from __future__ import annotations

import re

from tests.tidy.tree import ROOT, files

# In pieces, so that this file does not find itself.
_HOSTS = (
    "py" + "pi.",
    "python" + "hosted.org",
    "npm" + "js.",
    "deb." + "debian.org",
    "archive." + "ubuntu.com",
    "registry-1." + "docker",
)
_FOLDERS = ("/ro" + "ot/", "/ho" + "me/", "/wo" + "rk/", "/Us" + "ers/")


def test_no_file_names_a_registry() -> None:
    found = _lines_with("|".join(map(re.escape, _HOSTS)))
    assert not found, "which registry serves the packages is the machine's business:\n" + "\n".join(found)


def test_no_file_names_a_folder_of_somebody_s_machine() -> None:
    found = _lines_with(r"(?<![\w.~}])(" + "|".join(map(re.escape, _FOLDERS)) + ")")
    assert not found, "paths start at the repository, the user's home or a setting:\n" + "\n".join(found)


def _lines_with(pattern: str) -> list[str]:
    wanted = re.compile(pattern)
    return [
        f"{path}:{number} {line.strip()[:100]}"
        for path in files()
        for number, line in enumerate((ROOT / path).read_text(errors="replace").splitlines(), 1)
        if wanted.search(line)
    ]
