"""How a contract was resold: the contracts whose rest it is, and those that were sold out of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

_FAMILY = text("""
    WITH RECURSIVE family AS (
        SELECT id, resold_from FROM contract WHERE id = :contract
        UNION
        SELECT next.id, next.resold_from FROM family JOIN contract AS next
            ON next.id = family.resold_from OR next.resold_from = family.id
    )
    SELECT contract.id, contract.resold_from, start_minute, coalesce(billed.ended_minute, end_minute) AS end_minute,
        contract.state, CASE WHEN :participant IN (contract.buyer_id, contract.provider_id)
            THEN contract.price_micros END AS price_micros
    FROM family JOIN contract ON contract.id = family.id
        JOIN (SELECT contract_id, ended_minute FROM billable_contract) AS billed ON contract_id = contract.id
    ORDER BY contract.sequence, contract.id
""")


def resales(connection: Connection, participant: str, contract_id: str) -> list[dict[str, Any]]:
    """All contracts that resales link with this one, it included, the oldest first; none where it was not resold.

    Each with its window as far as it came, and its price where the participant is a party to it.
    """
    wanted = {"contract": contract_id, "participant": participant}
    found = [dict(row) for row in connection.execute(_FAMILY, wanted).mappings()]
    return found if len(found) > 1 else []
