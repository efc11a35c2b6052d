"""After an upgrade the daemon that still runs is an older one: commands and `doctor` say so."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from unit.luzia_client.conftest import home, serve
from unit.luzia_client.fake_daemon import DISPATCHED, info, luzia

__all__ = ["home", "serve"]

OLD = {"error": {"code": "bad_request", "message": "Invalid value 'hold' - at `$.op`", "hint": "Compare."}}


def script(**fields: Any) -> Any:
    def answer(request: dict[str, Any]) -> Any:
        if request["op"] == "info":
            return {"ok": info(**fields)}
        return {"ok": DISPATCHED} if request["op"] == "dispatch" else OLD

    return answer


def now() -> str:
    return datetime.now(UTC).isoformat()


def test_a_request_that_an_older_daemon_does_not_know_is_explained(serve: Any) -> None:
    serve(script(version="0.0.9", started_at=now()))
    done = luzia("hold", "@last")
    assert done.returncode == 4
    assert "luziad has version 0.0.9, luzia has 0.1.0: run `luzia daemon restart`" in done.stderr
    assert "Compare" not in done.stderr


def test_a_daemon_of_the_same_version_that_was_started_before_the_installation_is_explained(serve: Any) -> None:
    serve(script(started_at="2001-01-01T00:00:00+00:00"))
    assert "luziad runs an older luzia than the one that was installed at " in luzia("hold", "@last").stderr
    told = luzia("doctor").stdout
    assert "✗ luziad runs an older luzia than" in told
    assert "luzia and luziad have version" not in told
    assert "luziad runs an older luzia than" in luzia("version").stdout


def test_a_bad_request_to_a_daemon_of_this_installation_keeps_its_hint(serve: Any, home: Path) -> None:
    serve(script(started_at=now()))
    assert "  Compare.\n" in luzia("hold", "@last").stderr
    assert "✓ luzia and luziad have version 0.1.0" in luzia("doctor").stdout
