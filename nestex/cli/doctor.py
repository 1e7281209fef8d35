"""`nestex doctor`: what is wrong with an installation, and what to do about it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from nestex.cli.output import AsJson, console, show

DIFFERENCE = 1
_COLOURS = {"ok": "green", "warning": "yellow", "bad": "bold red"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(
    data: Annotated[
        Path | None, typer.Option("--data", help="folder of a `nestex up`; else what NESTEX_ variables say")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look for what is wrong with this installation, and say what to do; exit code 1 if anything is."""
    from dataclasses import asdict

    from common.clock import SystemClock
    from nestex.doctor.examination import examine

    findings = list(examine(data, os.environ, SystemClock()))
    if as_json:
        show([asdict(finding) for finding in findings], (), as_json=True)
    else:
        for finding in findings:
            colour = _COLOURS[finding.verdict]
            console.print(f"[{colour}]{finding.verdict:<8}[/{colour}] {finding.check:<14} {finding.found}")
            if finding.remedy:
                console.print(f"{'':<24}-> {finding.remedy}", style="dim")
    if any(finding.verdict == "bad" for finding in findings):
        raise typer.Exit(DIFFERENCE)
