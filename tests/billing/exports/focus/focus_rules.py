"""The official rules of FOCUS 1.2, run by focus-validator in an environment of its own, which the first test makes.

It wants other releases than ours of what it builds on, and a newer Python than we do for one line, which is rewritten
here. It exits with 0 whatever it finds: its report is read.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from lxml import etree

_LOCK = Path(__file__).with_name("validator.lock")
_RUN = "from focus_validator.main import main; main()"
_ONLY_3_12 = """f"'{k.replace('\\"', '\\"\\"')}'\""""
_EVERYWHERE = """"'" + k.replace('"', '""') + "'\""""
_CONDITIONS = (
    "ACCOUNT_NAMING_SUPPORTED",
    "USAGE_MEASUREMENT_SUPPORTED",
    "UNIT_PRICING_SUPPORTED",
    "PUBLIC_PRICE_LIST_SUPPORTED",
    "NEGOTIATED_PRICING_SUPPORTED",
    "MULTIPLE_PRICING_CATEGORIES_SUPPORTED",
    "BILLING_BASED_ON_PROVISIONED_RESOURCES_SUPPORTED",
    "RESOURCE_TYPE_ASSIGNMENT_SUPPORTED",
    "REGION_SUPPORTED",
    "TAGGING_SUPPORTED",
    "SUB_ACCOUNT_SUPPORTED",
    "AVAILABILITY_ZONE_SUPPORTED",
)


def broken_rules(file: Path) -> set[str]:
    """The names of the rules of FOCUS 1.2 that the file (CSV or Parquet) breaks."""
    libraries = _environment()
    report = file.with_suffix(".report.xml")
    command = [sys.executable, "-S", "-c", _RUN, "--data-file", str(file), "--validate-version", "1.2.0.1"]
    command += ["--block-download", "--output-type", "unittest", "--output-destination", str(report)]
    command += ["--applicability-criteria", ",".join(_CONDITIONS)]
    # It opens one of its own files by a path relative to its libraries.
    environment = os.environ | {"PYTHONPATH": str(libraries)}
    done = subprocess.run(command, cwd=libraries, env=environment, capture_output=True, text=True, check=False)
    assert report.is_file(), done.stdout + done.stderr
    cases = list(etree.parse(report).iter("testcase"))
    assert len(cases) > 500, f"only {len(cases)} rules were looked at"
    return {
        case.get("name").split(" ")[0]
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    }


def _environment() -> Path:
    """The folder of its libraries, inside our own environment, so that it goes away with that."""
    digest = hashlib.sha256(_LOCK.read_bytes()).hexdigest()[:16]
    made = Path(sys.prefix) / f"focus-validator-{digest}"
    with made.with_suffix(".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not made.is_dir():
            _install(made)
    return made


def _install(made: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="focus-validator-", dir=made.parent))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--target", str(folder), "--no-deps", "--ignore-requires-python", "--require-hashes", "-r", str(_LOCK)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    source = folder / "focus_validator" / "config_objects" / "focus_to_duckdb_converter.py"
    text = source.read_text()
    assert text.count(_ONLY_3_12) == 1
    source.write_text(text.replace(_ONLY_3_12, _EVERYWHERE))
    folder.rename(made)
