"""The busy month with everything that can become of a contract in it, and what is corrected after its close: releases,
a reclaim, a failure, busts, credits, a document issued anew; guests that deliver several contracts, and volumes. All
documents are born in the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from sqlalchemy import Connection

from billing import completion, endings, periods
from billing.credits import CreditRequest, credit
from billing.documents.archive import Document, get_document, list_documents
from billing.documents.corrections import reissue
from billing.identities import save
from billing.settlement import settle
from tests.billing.busy_month import CLOSED_AT, REDUCED, REVERSE, SMALL, open_busy_month
from tests.billing.factories import AT, AUSTRIAN_BUYER, END, GRACE, MONTH, START, Agent, contract, deliver, trade
from tests.billing.shared_guests import share_guests

LATER = CLOSED_AT + 86_400_000_000
_DELIVERED = {"released": 47, "small": 31, "reclaimed": 93, "failed": 111, "busted": 40}
PARTICIPANTS = ("buyer", "consumer", "provider", "tinkerer")


def live_eventful_month(connection: Connection) -> None:
    """The month, closed and corrected; the next one has begun."""
    open_busy_month(connection)
    trade(
        connection,
        contract("released", minutes=300, price_micros=2_003, terms=REVERSE),
        contract("unused", start=START + 200, minutes=120, price_micros=1_009, buyer="consumer", terms=REDUCED),
        contract("small", minutes=90, price_micros=613, buyer="consumer", provider="tinkerer", terms=SMALL),
        contract("reclaimed", minutes=200, price_micros=709, buyer="consumer", instrument="fra1.std.spot"),
        contract("failed", minutes=400, price_micros=1_511, terms=REVERSE),
        contract("busted", minutes=80, price_micros=4_001, buyer="consumer"),
        contract("regretted", start=END - 40, minutes=600, price_micros=3_001, buyer="consumer", terms=REDUCED),
        contract("next", start=END - 20, minutes=600, price_micros=911, terms=REVERSE),
    )
    agent = Agent(sequence=10_000)
    for name, minutes in _DELIVERED.items():
        deliver(connection, agent, name, START, [60] * minutes)
    deliver(connection, agent, "regretted", END - 40, [60] * 50)
    deliver(connection, agent, "next", END - 20, [60] * 45)
    settle(connection, AT)
    endings.release(connection, "released", START + 47, AT)
    endings.release(connection, "unused", START + 5, AT)
    endings.release(connection, "small", START + 31, AT)
    endings.reclaim(connection, "reclaimed", START + 93, AT)
    endings.fail(connection, "failed", START + 111, 4_321, AT)
    endings.bust(connection, "busted", AT)
    share_guests(connection, agent)
    completion.complete(connection, END + GRACE, CLOSED_AT, GRACE, 100)
    periods.close(connection, MONTH, END + GRACE, CLOSED_AT, GRACE)
    _correct(connection)
    endings.release(connection, "next", END + 25, LATER)
    settle(connection, LATER)


def documents(connection: Connection) -> list[Document]:
    """Everybody's, by number."""
    found = [get_document(connection, None, one.id) for one in list_documents(connection, None, "", 1000)]
    return sorted(found, key=lambda one: one.number or "")


def _correct(connection: Connection) -> None:
    credit(connection, CreditRequest("con1", date(2026, 10, 2), 77, "slow", "it was slow on both days"), LATER)
    credit(connection, CreditRequest("con4", date(2026, 10, 1), 3, "slow", "Ausfall für drei Minuten"), LATER)
    credit(connection, CreditRequest("small", date(2026, 10, 1), 5, "slow", "za wolno"), LATER)
    endings.bust(connection, "regretted", LATER)
    save(connection, "buyer", replace(AUSTRIAN_BUYER, street="Straße des 17. Juni 4"), LATER)
    [invoice] = [one for one in list_documents(connection, "buyer", "", 10) if one.kind == "invoice"]
    reissue(connection, invoice.id, "the address was wrong", LATER)
