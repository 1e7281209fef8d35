"""Configuration of the server processes: environment variables that start with NESTEX_."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from common.errors import InvalidInput


class DatabaseSettings(BaseSettings):
    """What a command needs that works on the database alone."""

    model_config = SettingsConfigDict(env_prefix="NESTEX_", frozen=True)

    database_url: str = Field(description="postgresql://user:password@host:port/database")


class Settings(DatabaseSettings):
    """What market, engine and worker are told. Secrets come in files or in the environment, never in arguments."""

    nats_url: str = Field(description="nats://host:port, several separated by commas")
    nats_credentials: Path = Field(description="credentials file of the server processes")
    nats_agents: Path | None = Field(
        default=None, description="scoped signing key with which the market process admits agents; no other needs it"
    )
    agent_nats_url: str | None = Field(default=None, description="the servers as agents reach them, if it differs")
    lease_seconds: float = Field(default=3.0, gt=0, description="real seconds until a silent engine is replaced")
    node_lost_seconds: float = Field(default=30.0, gt=0, description="real seconds of silence that make a node LOST")
    lost_after_minutes: int = Field(
        default=60, ge=1, description="market minutes of silence after which a LOST node's contracts fail"
    )
    snapshot_commands: int = Field(
        default=10_000,
        ge=1,
        description="journaled commands after which a shard's memory is kept as a snapshot, or as many as are open",
    )
    key_requests: int = Field(default=20_000, ge=1, le=10**9, description="requests of an API key in its window")
    key_window_seconds: int = Field(
        default=10, ge=1, le=86_400, description="real seconds in which an API key may make its requests"
    )
    grace_minutes: int = Field(default=60, ge=0, description="market minutes that late usage reports are waited for")

    @property
    def nats_servers(self) -> list[str]:
        """The addresses to try."""
        return self.nats_url.split(",")

    @property
    def agent_nats_servers(self) -> tuple[str, ...]:
        """The addresses that agents are told at their enrolment."""
        return tuple((self.agent_nats_url or self.nats_url).split(","))


Kind = TypeVar("Kind", bound=DatabaseSettings)


def from_environment(kind: type[Kind]) -> Kind:
    """The settings in the environment. Raises InvalidInput that names the first variable that is missing or wrong."""
    try:
        return kind()
    except ValidationError as error:
        first = error.errors()[0]
        variable = f"NESTEX_{str(first['loc'][0]).upper()}"
        code = "missing_field" if first["type"] == "missing" else "invalid_field"
        raise InvalidInput(code, f"{variable}: {first['msg']}", field=variable) from error
