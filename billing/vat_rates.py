"""Standard rates of value added tax in the member states of the European Union, as data.

Source: European Commission, "VAT rates applied in the Member States of the European Union", as of 1 January 2026.
"""

from __future__ import annotations

EU_STANDARD_RATES_PPM: dict[str, int] = {
    "AT": 200_000,
    "BE": 210_000,
    "BG": 200_000,
    "CY": 190_000,
    "CZ": 210_000,
    "DE": 190_000,
    "DK": 250_000,
    "EE": 240_000,
    "ES": 210_000,
    "FI": 255_000,
    "FR": 200_000,
    "GR": 240_000,
    "HR": 250_000,
    "HU": 270_000,
    "IE": 230_000,
    "IT": 220_000,
    "LT": 210_000,
    "LU": 170_000,
    "LV": 210_000,
    "MT": 180_000,
    "NL": 210_000,
    "PL": 230_000,
    "PT": 230_000,
    "RO": 210_000,
    "SE": 250_000,
    "SI": 220_000,
    "SK": 230_000,
}
"""Parts per million, by ISO 3166-1 alpha-2 country code (Greece is GR here, and EL in VAT numbers)."""
