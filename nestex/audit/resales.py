"""Contracts that were resold, as the journal tells of them: who may sell what, and what becomes of the rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from market.contract_states import BUSTED, RELEASED
from matching.auditor.difference import Difference, require
from nestex.audit.contracts import Birth, Ending
from nestex.audit.orders import Row

Running = Mapping[str, Birth]
"""The contracts that have not ended early, by id."""


class Resales:
    """What was resold. `rows` are columns of the contracts that resales have touched."""

    def __init__(self) -> None:
        self._parts: dict[str, Birth] = {}
        self._resumed: dict[str, int | None] = {}

    def entered(self, row: Row, running: Running, open_rows: Iterable[Row]) -> None:
        """An ask for the rest of a contract enters. Raises Difference unless it may be sold, and is offered once."""
        name = row["backing_contract_id"]
        if name is None:
            return
        order = row["id"]
        born = running.get(name)
        if born is None:
            raise Difference(f"ask {order} offers contract {name}, which does not run")
        held = born.contract
        require(held["buyer_id"] == row["participant_id"], f"ask {order} offers contract {name} of {held['buyer_id']}")
        require(name not in self._parts, f"ask {order} offers contract {name}, which is resold")
        whole = (held["instrument"], held["slices"], held["end_minute"])
        offered = (row["instrument"], row["slices"], row["available_until"])
        require(offered == whole, f"ask {order} offers {offered}, contract {name} has {whole}")
        twice = [other["id"] for other in open_rows if other["backing_contract_id"] == name and other is not row]
        require(not twice, f"ask {order} offers contract {name}, and so does {twice}")

    def born(self, part: Birth, running: Running) -> None:
        """A contract is born, perhaps as the rest of another. Raises Difference."""
        name = part.contract["resold_from"]
        if name is None:
            return
        require(name in running and name not in self._parts, f"{part.id} is the rest of {name}, which cannot be sold")
        whole, sold = running[name].contract, part.contract
        for column in ("node_id", "slices", "end_minute"):
            require(whole[column] == sold[column], f"{part.id} has another {column} than {name}, whose rest it is")
        self._parts[name] = part

    def handed_over(self, name: str) -> int | None:
        """The minute from which on another guest than its own is to be there."""
        part = self._parts.get(name)
        return None if part is None else int(part.contract["start_minute"])

    def gives_back(self, born: Birth) -> bool:
        """Whether its end gives something back to its node: the rest of another contract is that one's."""
        return born.contract["resold_from"] is None

    def ended(self, ending: Ending, running: Running) -> None:
        """What was released or busted is its seller's again, if that goes on; from the minute with a guest made anew,
        unless its own was not to go before."""
        name = ending.born.contract["resold_from"]
        if name is None or name not in running or ending.state not in (RELEASED, BUSTED):
            return
        part = self._parts.pop(name)
        begun = self._resumed.get(name) or running[name].contract["start_minute"]
        until = part.contract["start_minute"]
        if ending.minute > until or until <= begun:
            self._resumed[name] = ending.minute
        else:
            self._resumed.setdefault(name, None)

    def rows(self) -> list[Row]:
        """What resales must have left in the contracts' rows."""
        return [
            {
                "id": name,
                "resold_to": self._parts[name].id if name in self._parts else None,
                "resumed_minute": self._resumed.get(name),
            }
            for name in sorted(self._parts.keys() | self._resumed.keys())
        ]
