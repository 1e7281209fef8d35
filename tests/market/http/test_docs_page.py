from __future__ import annotations

import hashlib
import re
from pathlib import Path

import market.http
from tests.market.http.conftest import Http

VENDOR = Path(market.http.__file__).parent / "vendor"


def test_the_interactive_documentation_loads_nothing_from_another_site(operator: Http) -> None:
    page = operator.as_(None).get("/docs")
    assert page.status_code == 200
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert loaded
    assert '"validatorUrl": null' in page.text
    for address in loaded:
        assert address.startswith("/")
        assert operator.get(address).status_code == 200


def test_vendored_files_are_those_that_were_listed() -> None:
    listed = {name: checksum for checksum, name in re.findall(r"\| `([0-9a-f]{64})` \| `([^`]+)` \|", _readme())}
    present = {str(path.relative_to(VENDOR)): path for path in VENDOR.rglob("*") if path.is_file()}
    assert present.keys() - {"README.md"} == listed.keys()
    for name, checksum in listed.items():
        assert hashlib.sha256(present[name].read_bytes()).hexdigest() == checksum, name


def _readme() -> str:
    return (VENDOR / "README.md").read_text()
