"""Participants, their API keys, and the form that makes a provider."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from billing.identities import Form
from common.errors import Forbidden, InvalidInput
from common.minutes import instant_text, parse_instant
from market.http.auth import Operating, Providing, Reading, Trading
from market.http.cursors import id_cursor
from market.http.fields import After, Limit, Name, Page, Rate, Request, next_cursor
from market.http.problems import documented
from market.http.services import Market, Reader
from market.http.strict_route import StrictRoute
from market.participants import create_participant as creation
from market.participants import keys
from market.participants.become_provider import become_provider

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["participants"])


class IdentityRequest(Request):
    """Who stands on the invoices. A business in the EU gives its VAT number, which decides on reverse charge."""

    company: Name
    country: str = Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2", examples=["DE"])
    street: Name
    postcode: str = Field(min_length=1, max_length=20, pattern=r"^[^\x00-\x1f\x7f]+$")
    city: Name
    tax_number: str | None = Field(default=None, min_length=2, max_length=30, examples=["DE136695976"])


class ProviderRequest(IdentityRequest):
    """What an invoice needs of a seller. Checked: the tax number with its country's rules, the IBAN with its
    checksum."""

    tax_number: str = Field(min_length=2, max_length=30, examples=["DE136695976"])
    iban: str = Field(min_length=5, max_length=42, examples=["DE89370400440532013000"])


class ParticipantRequest(Request):
    """An organisation that is to trade, and its first user."""

    name: Name
    identity: IdentityRequest | None = Field(default=None, description="who stands on its invoices")
    email: str = Field(max_length=254, pattern=r"^[^@\s\x00]+@[^@\s\x00]+\.[^@\s\x00]+$")
    fee_ppm: Rate = Field(
        default=creation.DEFAULT_FEE_PPM, description="its fee as a seller, parts per million of gross"
    )


class ParticipantModel(BaseModel):
    """An organisation that trades."""

    id: str
    name: str
    is_provider: bool
    fee_ppm: int


class NewParticipant(BaseModel):
    """The participant with its first API key, which is shown only here."""

    participant: ParticipantModel
    api_key: str


class KeyRequest(Request):
    """A further API key of your own participant."""

    name: Name
    scopes: list[Literal["trade", "provide", "finance", "read"]] = Field(min_length=1, max_length=4)
    expires_at: str | None = Field(default=None, max_length=40, description="RFC 3339, real time; null: never")


class KeyModel(BaseModel):
    """A key without its secret. Instants are real time."""

    id: str
    name: str
    scopes: list[str]
    expires_at: str | None
    revoked_at: str | None


class NewKey(BaseModel):
    """A key with its text, which is shown only here."""

    key: KeyModel
    api_key: str


class ProviderModel(BaseModel):
    """Your legal identity's newest version."""

    participant: str
    version: int


@router.post("/participants", status_code=201, responses=documented(401, 403, 409, 422))
def create(body: ParticipantRequest, who: Operating, market: Market) -> NewParticipant:
    """Admit an organisation to the market."""
    identity = None if body.identity is None else Form(**body.identity.model_dump())
    created, key = market.write(
        lambda connection: creation.create_participant(
            connection, market.clock.now_ms(), body.name, body.email, fee_ppm=body.fee_ppm, identity=identity
        )
    )
    return NewParticipant(participant=_model(created), api_key=key)


@router.get("/participants", responses=documented(401, 403, 422))
def participants(who: Operating, connection: Reader, after: After = "", limit: Limit = 100) -> Page[ParticipantModel]:
    """All participants, oldest first."""
    items = [_model(known) for known in creation.list_participants(connection, id_cursor(after, "prt"), limit)]
    return Page(items=items, next=next_cursor([item.id for item in items], limit))


@router.get("/keys", responses=documented(401, 403))
def list_keys(who: Reading, connection: Reader) -> list[KeyModel]:
    """Your participant's API keys."""
    return [_key(info) for info in keys.list_keys(connection, who.participant)]


@router.post("/keys", status_code=201, responses=documented(401, 403, 422))
def create_key(body: KeyRequest, who: Trading, market: Market) -> NewKey:
    """Make a further key, with no more scopes than the key that asks."""
    if missing := set(body.scopes) - who.scopes:
        raise Forbidden("scope_missing", f"the key that asks has no scope {min(missing)}", field="scopes")
    expires_at = None if body.expires_at is None else parse_instant(body.expires_at, field="expires_at")
    if who.expires_at is not None and (expires_at is None or expires_at > who.expires_at):
        limit = instant_text(who.expires_at)
        raise InvalidInput("invalid_field", "a key outlives the key that asks for it", field="expires_at", limit=limit)
    info, text = market.write(
        lambda connection: keys.create_key(
            connection, market.clock.now_ms(), who.participant, body.name, body.scopes, expires_at
        )
    )
    return NewKey(key=_key(info), api_key=text)


@router.delete("/keys/{key}", status_code=204, responses=documented(401, 403, 404, 422))
def revoke_key(key: Annotated[str, Path(min_length=1, max_length=80)], who: Trading, market: Market) -> None:
    """End a key; it stops working within seconds."""
    market.write(lambda connection: keys.revoke_key(connection, who.participant, key))
    market.keys.forget()


@router.post("/providers", status_code=201, tags=["providers"], responses=documented(401, 403, 422))
def provide(body: ProviderRequest, who: Providing, market: Market) -> ProviderModel:
    """Become a provider, or change your legal identity: the old version stays with the documents that used it."""
    version = market.write(
        lambda connection: become_provider(
            connection, market.clock.now_micros(), who.participant, Form(**body.model_dump())
        )
    )
    return ProviderModel(participant=who.participant, version=version)


def _model(known: creation.Participant) -> ParticipantModel:
    return ParticipantModel.model_validate(known, from_attributes=True)


def _key(info: keys.KeyInfo) -> KeyModel:
    return KeyModel(
        id=info.id,
        name=info.name,
        scopes=list(info.scopes),
        expires_at=None if info.expires_at is None else instant_text(info.expires_at),
        revoked_at=None if info.revoked_at is None else instant_text(info.revoked_at),
    )
