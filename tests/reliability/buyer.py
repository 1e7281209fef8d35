"""The buyer of one guest, who commands it over HTTP and does not give up."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import httpx
from typer.testing import CliRunner

from nestex.cli.app import app
from provisioner.hypervisor.libvirt_connection import start_event_loop
from tests.provisioner.hypervisor.real_node import Inside
from tests.reliability.town import Town


@dataclass
class Buyer:
    """`path` is the contract's."""

    town: Town
    path: str

    @property
    def contract(self) -> str:
        """Its id."""
        return self.path.rpartition("/")[2]

    def ask(self, verb: str, body: dict[str, Any] | None = None) -> None:
        """Command, until there is an answer."""
        self.town.buyer.post(f"{self.path}/{verb}", body)

    def settled(self, state: str) -> Any:
        """The guest, when its agent says that it is as wanted."""

        def look() -> Any:
            told = self.town.buyer.get(f"{self.path}/guest")
            return told if told["settled"] and told["state"] == state else None

        return self.town.until(look, f"a guest that is {state}")

    def runs(self, command: str, *more: str) -> str:
        """What `nestex <command> <contract> <more>` prints."""
        environment = {"NESTEX_URL": self.town.buyer.url, "NESTEX_API_KEY": self.town.buyer.key}
        ran = CliRunner().invoke(app, [*command.split(), self.contract, *more], env=environment)
        assert ran.exit_code == 0, (ran.output, ran.exception)
        return ran.output

    def page(self, seconds: float = 20.0) -> Any:
        """What the guest says on its own page, or None where it says nothing for so long."""
        endpoints = {each["service"]: each for each in self.town.buyer.get(self.path)["endpoints"]}
        address = f"{endpoints['http']['address']}:{endpoints['http']['port']}"
        try:
            return httpx.get(f"http://{address}/cgi-bin/report", timeout=seconds, trust_env=False).json()
        except (httpx.HTTPError, ValueError):
            return None

    def sees(self, what: str, holds: Callable[[Any], Any]) -> Any:
        """The page, once it says so: a guest takes its time to notice what was plugged in."""

        def look() -> Any:
            told = self.page()
            return told if told and holds(told) else None

        return self.town.until(look, f"{what}, on the guest's page")

    def types(self, command: str) -> None:
        """Let the shell on its serial console run a command, to its end."""
        start_event_loop()
        with closing(Inside(self.town.libvirt_uri, self.contract)) as console:
            console.run(command)
