"""The buyer of one guest, who commands it over HTTP and does not give up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.reliability.town import Town


@dataclass
class Buyer:
    """`path` is the contract's."""

    town: Town
    path: str

    def ask(self, verb: str, body: dict[str, Any] | None = None) -> None:
        """Command, until there is an answer."""
        self.town.buyer.post(f"{self.path}/{verb}", body)

    def settled(self, state: str) -> Any:
        """The guest, when its agent says that it is as wanted."""

        def look() -> Any:
            told = self.town.buyer.get(f"{self.path}/guest")
            return told if told["settled"] and told["state"] == state else None

        return self.town.until(look, f"a guest that is {state}")
