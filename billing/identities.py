"""Legal identities: who a participant is on documents. Every change is a new version, and no version ever changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

import pycountry
import schwifty
import schwifty.exceptions
import stdnum.eu.vat
from sqlalchemy import ARRAY, Connection, Text, any_, bindparam, func, insert, select
from stdnum import get_cc_module
from stdnum.exceptions import ValidationError

from billing.tables import legal_identity
from billing.vat_rates import EU_STANDARD_RATES_PPM
from common.errors import InvalidInput

_LONGEST = 200
_versions = legal_identity.alias("versions")
_LATEST = select(legal_identity).where(
    legal_identity.c.participant_id == any_(bindparam("ids", type_=ARRAY(Text))),
    legal_identity.c.version
    == select(func.max(_versions.c.version))
    .where(_versions.c.participant_id == legal_identity.c.participant_id)
    .scalar_subquery(),
)
_VAT_PREFIXES = {"GR": "EL"}
"""Countries whose VAT numbers start with something else than the country's code."""


@dataclass(frozen=True, slots=True)
class Form:
    """What somebody says of itself. A consumer has no tax number, and only a provider needs an IBAN."""

    company: str
    country: str
    street: str
    postcode: str
    city: str
    tax_number: str | None = None
    iban: str | None = None


@dataclass(frozen=True, slots=True)
class LegalIdentity:
    """A version of a participant's form, checked and in normal form: EU VAT numbers with prefix, IBAN unspaced."""

    participant_id: str
    version: int
    form: Form


def save(connection: Connection, participant_id: str, form: Form, at_micros: int) -> int:
    """The version under which the form is kept: a new one, or the latest where nothing has changed.

    Raises InvalidInput: `tax_number_invalid`, `iban_invalid`, or `invalid_field` with the field's name.
    """
    checked = _checked(form)
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"identity:{participant_id}", 0))))
    known = latest(connection, [participant_id]).get(participant_id)
    if known is not None and known.form == checked:
        return known.version
    version = known.version + 1 if known else 1
    row = asdict(checked) | {"participant_id": participant_id, "version": version, "created_at_micros": at_micros}
    connection.execute(insert(legal_identity).values(row))
    return version


def latest(connection: Connection, participant_ids: Iterable[str]) -> dict[str, LegalIdentity]:
    """The newest version of each of these that has one."""
    return {
        row.participant_id: LegalIdentity(
            row.participant_id,
            row.version,
            Form(row.company, row.country, row.street, row.postcode, row.city, row.tax_number, row.iban),
        )
        for row in connection.execute(_LATEST, {"ids": list(participant_ids)})
    }


def checked_iban(text: str) -> str:
    """The IBAN without spaces. Raises InvalidInput (`iban_invalid`)."""
    try:
        return str(schwifty.IBAN(text).compact)
    except schwifty.exceptions.SchwiftyException as error:
        raise InvalidInput("iban_invalid", f"the IBAN is not valid: {error}", field="iban") from error


def _checked(form: Form) -> Form:
    for name in ("company", "street", "postcode", "city"):
        _check_text(getattr(form, name), name)
    country = pycountry.countries.get(alpha_2=form.country)
    if country is None or country.alpha_2 != form.country:
        raise InvalidInput("invalid_field", "country must be an ISO 3166 code of two capital letters", field="country")
    return replace(
        form,
        tax_number=_tax_number(form.tax_number, form.country) if form.tax_number else None,
        iban=checked_iban(form.iban) if form.iban else None,
    )


def _check_text(text: str, field: str) -> None:
    if not text.strip() or len(text) > _LONGEST or not text.isprintable():
        raise InvalidInput(
            "invalid_field", f"{field} must be one line of 1 to {_LONGEST} characters", field=field, limit=_LONGEST
        )


def _tax_number(text: str, country: str) -> str:
    """The number in normal form; of the EU, with the country's prefix, which may be left out by the caller."""
    try:
        if country in EU_STANDARD_RATES_PPM:
            prefix = _VAT_PREFIXES.get(country, country)
            given = "".join(text.split()).upper()
            return str(stdnum.eu.vat.validate(given if given.startswith(prefix) else prefix + given))
        module = get_cc_module(country.lower(), "vat")
        if module is not None:
            return str(module.validate(text))
    except ValidationError as error:
        raise InvalidInput(
            "tax_number_invalid", f"the tax number is not valid in {country}: {error}", field="tax_number"
        ) from error
    _check_text(text, "tax_number")
    return text.strip()
