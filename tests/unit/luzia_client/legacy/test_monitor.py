"""The background monitor and the dispatcher while no daemon runs, and over its restarts."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from luzia_client import Client, legacy
from private_luzia import PrivateLuzia, private_luzia, until

HOUR = "3600"


@pytest.fixture(autouse=True)
def home() -> None:
    """The environment is that of `luzia`."""


@pytest.fixture
def luzia(monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateLuzia]:
    """No daemon runs, and none is started by the program under test."""
    with private_luzia() as luzia:
        for name, value in {**luzia.env, "LUZIA_NO_AUTOSTART": "1", "LUZIA_CACHE_TTL": HOUR}.items():
            monkeypatch.setenv(name, value)
        os.mkfifo(os.path.join(luzia.project, "gate"))
        yield luzia


def shown(dispatcher: legacy.ResponseiveDispatcher, job_id: str) -> str:
    """The status as the monitor keeps it."""
    return str((dispatcher.get_status(job_id) or {}).get("status"))


def test_the_monitor_lives_without_a_daemon_and_follows_each_one_that_comes(
    luzia: PrivateLuzia, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatcher = legacy.ResponseiveDispatcher()
    attempts: list[Client] = []
    follow = dispatcher._follow

    def counted(client: Client) -> None:
        attempts.append(client)
        follow(client)

    monkeypatch.setattr(dispatcher, "_follow", counted)
    thread = dispatcher.start_background_monitor()
    until(lambda: len(attempts) > 1, "the monitor looks for a daemon again")
    luzia.client().add_project("overbits", luzia.project, "shell")
    for _ in range(2):
        luzia.client()
        _job_is_followed_over_a_crash(luzia, dispatcher)
        assert dispatcher.start_background_monitor() is thread
        luzia.stop_daemon()
    assert thread.is_alive()


def _job_is_followed_over_a_crash(luzia: PrivateLuzia, dispatcher: legacy.ResponseiveDispatcher) -> None:
    job_id, _ = dispatcher.dispatch_task("overbits", "cat gate >/dev/null")
    until(lambda: shown(dispatcher, job_id) == "running", "its start is seen")
    until(lambda: job_id in dispatcher._monitored_jobs or _report(dispatcher, job_id), "it is followed")
    luzia.kill_daemon()
    luzia.client()
    os.close(os.open(os.path.join(luzia.project, "gate"), os.O_WRONLY))
    until(lambda: shown(dispatcher, job_id) == "completed", "its end is seen")


def _report(dispatcher: legacy.ResponseiveDispatcher, job_id: str) -> bool:
    """Cause an event, which the monitor sees once it follows."""
    dispatcher.update_status(job_id, "running", 10)
    return False


def test_an_update_without_a_daemon_is_false(luzia: PrivateLuzia) -> None:
    dispatcher = legacy.ResponseiveDispatcher()
    for status in ("running", "completed", "killed"):
        assert dispatcher.update_status("113754-a2f5", status, 5, "text") is False
