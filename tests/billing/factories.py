"""A small market for the tests of billing: participants with cash, contracts between them, reports of usage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from billing import contracts, ledger, metering
from billing.contracts import NewContract
from billing.deposits import deposit
from billing.identities import Form, save
from billing.terms import Bargain, Terms, bond
from billing.transfers import MARKET
from common.clock import ClockAnchor
from common.minutes import month_window
from common.wire import GuestMinute, UsageReport
from runtime import deployment
from runtime.driver import Pipe

MONTH = "2026-10"
START = month_window(MONTH).start
END = month_window(MONTH).end
AT = START * 60_000_000
NOW = END + 1_000_000
"""A minute by which everything that the tests report has passed."""
GRACE = 5
CASH = 1_000_000_000

MARKET_FORM = Form("Nestex Börse GmbH", "DE", "Mainzer Landstraße 1", "60329", "Frankfurt", "DE136695976")
GERMAN_PROVIDER = Form("Rechenhof AG", "DE", "Am Hof 2", "10115", "Berlin", "DE136695976", "DE89370400440532013000")
AUSTRIAN_BUYER = Form("Übermorgen GmbH", "AT", "Ring 3", "1010", "Wien", "ATU13585627")
TERMS = Terms(
    fee_ppm=50_000,
    buyer_vat_ppm=190_000,
    buyer_vat_category="S",
    buyer_identity_version=None,
    provider_vat_ppm=190_000,
    provider_vat_category="S",
    provider_identity_version=1,
    release_ppm=200_000,
    break_ppm=100_000,
    allowance_minutes=3,
)


def open_market(connection: Connection) -> None:
    """A market in Germany with its accounts, currency and identity."""
    deployment.establish(connection, "EUR", ClockAnchor(0, AT))
    ledger.open_market_accounts(connection)
    save(connection, MARKET, MARKET_FORM, AT)


def open_participants(connection: Connection, *participants: str, cash_micros: int = CASH) -> None:
    """Participants with money."""
    for participant in participants:
        ledger.open_accounts(connection, participant)
        deposit(connection, participant, cash_micros, "opening", AT)


def contract(
    contract_id: str,
    *,
    minutes: int = 10,
    start: int = START,
    slices: int = 2,
    price_micros: int = 333,
    bond_ppm: int = 100_000,
    buyer: str = "buyer",
    provider: str = "provider",
    node: str = "node",
    instrument: str = "fra1.std.firm",
    kind: str = "guest",
    terms: Terms = TERMS,
) -> NewContract:
    """A contract whose ask had the trade's price as its limit."""
    bond_micros = bond(price_micros, slices * minutes, bond_ppm)
    return NewContract(
        contract_id=contract_id,
        instrument=instrument,
        buyer_id=buyer,
        provider_id=provider,
        node_id=node,
        kind=kind,
        start_minute=start,
        end_minute=start + minutes,
        slices=slices,
        price_micros=price_micros,
        limit_price_micros=price_micros,
        terms=terms,
        escrow_micros=Bargain(slices, minutes, price_micros, bond_micros, terms).escrow_micros,
        bond_micros=bond_micros,
    )


def trade(connection: Connection, *traded: NewContract) -> None:
    """What the engine does for billing in its transaction."""
    ledger.post(connection, contracts.trade_transfers(traded, AT))
    pipe = Pipe(connection)
    contracts.put_contracts(pipe, traded)
    pipe.send()


@dataclass(slots=True)
class Agent:
    """A node's stream of reports, numbered without gaps."""

    node: str = "node"
    sequence: int = field(default=0)

    def report(self, minute: int, seconds: dict[str, int]) -> UsageReport:
        """The next report: contract -> delivered seconds."""
        self.sequence += 1
        guests = tuple(GuestMinute(contract_id, delivered, epoch=1) for contract_id, delivered in seconds.items())
        return UsageReport(self.node, self.sequence, minute, guests)

    def reports(self, contract_id: str, start: int, seconds: Iterable[int]) -> list[UsageReport]:
        """A report for each of the minutes from `start` on."""
        return [self.report(start + offset, {contract_id: delivered}) for offset, delivered in enumerate(seconds)]


def deliver(connection: Connection, agent: Agent, contract_id: str, start: int, seconds: Sequence[int]) -> None:
    """Record that a contract was delivered for so many seconds in each minute from `start` on."""
    metering.record(connection, NOW, agent.reports(contract_id, start, seconds))


def everybody(connection: Connection, *owners: str) -> dict[str, dict[str, int]]:
    """All balances of these owners and of the market."""
    return {owner: ledger.balances(connection, owner) for owner in (*owners, MARKET)}
