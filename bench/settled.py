"""Books to settle: participants with money, contracts under way, and minutes that wait for their postings."""

from __future__ import annotations

from sqlalchemy import Engine, text

from billing import contracts, ledger
from billing.contracts import NewContract
from billing.deposits import deposit
from billing.terms import Bargain, Terms, bond
from common.minutes import month_window
from runtime.driver import Pipe

MONTH = "2026-10"
START = month_window(MONTH).start
MINUTES = 20_000
AT = START * 60_000_000
_CASH_MICROS = 10**15
_BUYERS, _PROVIDERS = 200, 50
_TERMS = Terms(50_000, 190_000, "S", None, 190_000, "S", 1, 200_000, 100_000, 5)
DELIVER = text("""
    UPDATE billable_contract SET delivered_seconds = delivered_seconds + 60
    WHERE contract_id IN (SELECT contract_id FROM billable_contract ORDER BY contract_id LIMIT :count)
""")
"""So many contracts were delivered for a minute more."""

BARE = """
CREATE FUNCTION bare_settlement(batch integer) RETURNS bigint LANGUAGE sql AS $$
WITH due AS (
    SELECT *, delivered_seconds / 60 AS now, price_micros * slices AS each FROM billable_contract
    WHERE delivered_seconds >= (billed_minutes + 1) * 60::bigint
    ORDER BY contract_id LIMIT batch FOR NO KEY UPDATE SKIP LOCKED
), totals AS (
    SELECT *, each * now AS gross, each * billed_minutes AS gross_before FROM due
), figures AS (
    SELECT contract_id, buyer_id, provider_id, now,
        gross - gross_before AS gross,
        gross * fee_ppm / 1000000 - gross_before * fee_ppm / 1000000 AS fee,
        gross * buyer_vat_ppm / 1000000 - gross_before * buyer_vat_ppm / 1000000 AS buyer_vat,
        (gross - gross * fee_ppm / 1000000) * provider_vat_ppm / 1000000
            - (gross_before - gross_before * fee_ppm / 1000000) * provider_vat_ppm / 1000000 AS provider_vat,
        bond_micros * now / (end_minute - start_minute)
            - bond_micros * billed_minutes / (end_minute - start_minute) AS bond
    FROM totals
), transfer AS (
    INSERT INTO ledger_transfer (key, kind, at_micros, content_sha256)
    SELECT 'bare:' || encode(sha256(convert_to(string_agg(contract_id || ':' || now, ','), 'UTF8')), 'hex'), 'settle',
        1,
        sha256(convert_to(string_agg(contract_id || gross, ','), 'UTF8'))
    FROM figures HAVING count(*) > 0 RETURNING id
), entries AS (
    SELECT buyer_id || '/escrow' AS account, -gross - buyer_vat AS micros, contract_id FROM figures
    UNION ALL SELECT provider_id || '/earned', gross - fee + provider_vat, contract_id FROM figures
    UNION ALL SELECT provider_id || '/bond', -bond, contract_id FROM figures
    UNION ALL SELECT provider_id || '/cash', bond, contract_id FROM figures
    UNION ALL SELECT 'market/fees', sum(fee), NULL FROM figures HAVING count(*) > 0
    UNION ALL SELECT 'market/tax', sum(buyer_vat - provider_vat), NULL FROM figures HAVING count(*) > 0
), written AS (
    INSERT INTO ledger_entry (transfer_id, ordinal, account_id, amount_micros, reference)
    SELECT id, row_number() OVER () - 1, account, micros, contract_id FROM entries, transfer
), balances AS (
    UPDATE ledger_account SET balance_micros = balance_micros + change.micros
    FROM (SELECT account, sum(micros) AS micros FROM entries GROUP BY account) AS change WHERE id = change.account
), advanced AS (
    UPDATE billable_contract SET billed_minutes = figures.now, bond_minutes = greatest(bond_minutes, figures.now)
    FROM figures WHERE billable_contract.contract_id = figures.contract_id RETURNING 1
)
SELECT count(*) FROM advanced
$$
"""
"""The same rows for a batch of contracts in one statement, which checks nothing and trusts everything."""


def furnish(database: Engine, count: int, nodes: int = 50) -> None:
    """So many contracts, all under way, on so many nodes."""
    with database.begin() as connection:
        for number in range(_BUYERS + _PROVIDERS):
            who = f"buyer{number}" if number < _BUYERS else f"provider{number - _BUYERS}"
            ledger.open_accounts(connection, who)
            deposit(connection, who, _CASH_MICROS, "bench", AT)
        made = [_contract(number, nodes) for number in range(count)]
        ledger.post(connection, contracts.trade_transfers(made, AT))
        pipe = Pipe(connection)
        contracts.put_contracts(pipe, made)
        pipe.send()
        connection.execute(text(BARE))
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def names(count: int, node: int, nodes: int) -> list[str]:
    """The contracts of one node."""
    return [f"con_{number:07d}" for number in range(node, count, nodes)]


def _contract(number: int, nodes: int) -> NewContract:
    slices, price = 1 + number % 4, 1_000 + number % 997
    bond_micros = bond(price, slices * MINUTES, 200_000)
    return NewContract(
        contract_id=f"con_{number:07d}",
        instrument="fra1.std.firm",
        buyer_id=f"buyer{number * 7 % _BUYERS}",
        provider_id=f"provider{number % nodes % _PROVIDERS}",
        node_id=f"nod_{number % nodes}",
        kind="guest",
        start_minute=START,
        end_minute=START + MINUTES,
        slices=slices,
        price_micros=price,
        limit_price_micros=price,
        terms=_TERMS,
        escrow_micros=Bargain(slices, MINUTES, price, bond_micros, _TERMS).escrow_micros,
        bond_micros=bond_micros,
    )
