from __future__ import annotations

import pytest

from luzia_client.api import settings
from luzia_client.api.errors import SettingsError
from unit.luzia_client.fake_daemon import luzia


def test_the_defaults_are_one_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LUZIA_CACHE_TTL", raising=False)
    monkeypatch.setenv("LUZIA_MONITOR_INTERVAL", "")
    assert (settings.cache_ttl_s(), settings.monitor_interval_s()) == (1.0, 1.0)


def test_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUZIA_CACHE_TTL", "0")
    monkeypatch.setenv("LUZIA_MONITOR_INTERVAL", "0.25")
    assert (settings.cache_ttl_s(), settings.monitor_interval_s()) == (0.0, 0.25)


@pytest.mark.parametrize("value", ["soon", "-1", "inf", "nan", "0"])
def test_an_invalid_duration_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("LUZIA_MONITOR_INTERVAL", value)
    with pytest.raises(SettingsError) as caught:
        settings.monitor_interval_s()
    assert caught.value.message == f"invalid number of seconds '{value}' for LUZIA_MONITOR_INTERVAL"


def test_a_wrong_setting_is_a_usage_error_on_the_command_line() -> None:
    result = luzia("agents", env={"LUZIA_CACHE_TTL": "x"})
    assert result.returncode == 2
    assert (
        result.stderr
        == "luzia: invalid number of seconds 'x' for LUZIA_CACHE_TTL\n  Set it to 0 or more, or unset it.\n"
    )
