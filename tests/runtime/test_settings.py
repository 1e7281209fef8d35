from __future__ import annotations

import pytest

from common.errors import InvalidInput
from runtime.settings import Settings, from_environment


def test_a_setting_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NESTEX_DATABASE_URL", raising=False)
    with pytest.raises(InvalidInput) as refused:
        from_environment(Settings)
    assert (refused.value.code, refused.value.field) == ("missing_field", "NESTEX_DATABASE_URL")


def test_a_setting_that_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"DATABASE_URL": "postgresql://x", "NATS_URL": "nats://a,nats://b", "NATS_CREDENTIALS": "c"}
    for name, value in given.items():
        monkeypatch.setenv(f"NESTEX_{name}", value)
    assert from_environment(Settings).nats_servers == ["nats://a", "nats://b"]
    monkeypatch.setenv("NESTEX_GRACE_MINUTES", "-1")
    with pytest.raises(InvalidInput) as refused:
        from_environment(Settings)
    assert (refused.value.code, refused.value.field) == ("invalid_field", "NESTEX_GRACE_MINUTES")
