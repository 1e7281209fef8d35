"""The auction compiled by mypyc: a copy of `matching/` in a folder of its own, to be put first on a path.

`python -m bench.compiled FOLDER` makes that folder for whoever wants to run it. Not compiled are the journal, which
spends its time in the JSON encoder, and the auditor, which must stay slow and obvious.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
_INTERPRETED = {"__init__.py", "journal.py"}


def compiled_matching(cache: Path) -> Path:
    """The folder that holds the compiled package, made unless the same source was compiled before.

    Raises CalledProcessError when mypyc or the C compiler fails, with what it said in `stdout`.
    """
    folder = cache / f"matching-{_fingerprint()}"
    if not folder.exists():
        work = folder.with_suffix(".new")
        shutil.rmtree(work, ignore_errors=True)
        compile_into(work)
        work.rename(folder)
    return folder


def compile_into(folder: Path) -> None:
    """Compiles a copy of the package there. Raises CalledProcessError."""
    shutil.copytree(ROOT / "matching", folder / "matching", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "common").symlink_to(ROOT / "common")
    modules = [f"matching/{path.name}" for path in _sources() if path.name not in _INTERPRETED]
    command = [sys.executable, "-m", "mypyc", "--strict", *modules]
    subprocess.run(command, cwd=folder, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    shutil.rmtree(folder / "build")
    (folder / "common").unlink()


def _sources() -> list[Path]:
    return sorted((ROOT / "matching").glob("*.py"))


def _fingerprint() -> str:
    digest = hashlib.sha256(sys.version.encode())
    for path in [Path(__file__), *_sources()]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    compile_into(Path(sys.argv[1]))
