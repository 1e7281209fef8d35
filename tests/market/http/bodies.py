"""Bodies of good requests; a test changes what it is about."""

from __future__ import annotations

from typing import Any

from common.minutes import minute_text
from tests.market.factories import CODE, START_MINUTE, ZONE


def later(minutes: int) -> str:
    """So many minutes after the standing clock's minute."""
    return minute_text(START_MINUTE + minutes)


NODE: dict[str, Any] = {
    "name": "alster-1",
    "zone": ZONE,
    "offered": {"vcpus": 8, "memory_mib": 16_384, "disk_gib": 80},
    "reserved_until": later(100_000),
}
PROVIDER: dict[str, Any] = {
    "company": "Alster Analytics GmbH",
    "tax_number": "DE136695976",
    "iban": "DE89370400440532013000",
    "country": "DE",
    "street": "Jungfernstieg 7",
    "postcode": "20354",
    "city": "Hamburg",
}


def bid(**fields: Any) -> dict[str, Any]:
    """One guest of one slice for ten minutes, now."""
    return {"side": "bid", "instrument": CODE, "price": "0.012", "duration_minutes": 10} | fields


def resting_bid(**fields: Any) -> dict[str, Any]:
    """A bid that can wait."""
    return bid(start_by=later(100)) | fields


def ask(node_id: str, **fields: Any) -> dict[str, Any]:
    """Four slices for ten hours, below what `bid` pays."""
    body = {"side": "ask", "instrument": CODE, "price": "0.009", "node": node_id, "slices": 4}
    return body | {"available_until": later(600)} | fields
