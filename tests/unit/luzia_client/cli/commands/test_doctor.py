from __future__ import annotations

import json
import os
import py_compile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from luzia_protocol import environment

from luzia_client import __version__
from luzia_client.cli.administration import doctor_checks
from luzia_client.cli.administration.doctor_checks import Finding
from unit.luzia_client.fake_daemon import FakeDaemon, Script, info, luzia

Serve = Callable[[Script], FakeDaemon]


def marks(text: str) -> dict[str, str]:
    """Each finding's text and its mark."""
    return {row["text"]: row["mark"] for row in map(json.loads, text.splitlines())}


def test_a_fresh_installation_has_nothing_wrong(home: Path) -> None:
    result = luzia("doctor", "--json")
    found = marks(result.stdout)
    assert "✗" not in found.values(), found
    assert result.returncode == 0
    assert found[f"configuration {home}/config.toml (does not exist; defaults apply)"] == "✓"
    assert found[f"no daemon answers on {home}/r/luzia.sock"] == "!"


def test_modules_that_are_compiled_at_every_start_are_told(tmp_path: Path) -> None:
    source, compiled = tmp_path / "module.py", tmp_path / "module.pyc"
    source.write_text("answer = 42\n")
    (missing,) = doctor_checks.check_compiled([(source, compiled)])
    assert missing.mark == "!"
    assert f"1 module of luzia is compiled at every start, for example {source}" in missing.text
    assert "compileall" in missing.remedy
    assert str(tmp_path) in missing.remedy
    py_compile.compile(str(source), str(compiled))
    (found,) = doctor_checks.check_compiled([(source, compiled)])
    assert found == Finding("✓", "the modules of luzia are compiled")
    source.write_text("answer = 43  # newer\n")
    (stale,) = doctor_checks.check_compiled([(source, compiled)])
    assert stale.mark == "!"
    py_compile.compile(str(source), str(compiled), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    (hashed,) = doctor_checks.check_compiled([(source, compiled)])
    assert hashed.mark == "✓"


def test_an_installation_without_compiled_files_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(home / "compiled"))
    found = marks(luzia("doctor", "--json").stdout)
    assert any(mark == "!" and "compiled at every start" in text for text, mark in found.items())


def test_aliases_that_cannot_be_used_are_told(home: Path) -> None:
    lines = ['jobs = "top"', 'odd = "jobs \'"', 'empty = ""', 'fine = "jobs --all"']
    (home / "config.toml").write_text("\n".join(["[aliases]", *lines]))
    found = [text for text, mark in marks(luzia("doctor", "--json").stdout).items() if mark == "✗"]
    assert found == [
        "alias jobs: is the name of a command, which has precedence",
        "alias odd: 'jobs '' has an open quote",
        "alias empty: '' does not begin with a command or a project",
    ]


def test_mistakes_in_the_configuration_are_told_without_a_daemon(home: Path) -> None:
    (home / "config.toml").write_text("[daemon]\nmax_runing = 3\n")
    result = luzia("doctor")
    assert result.returncode == 1
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("✗")]
    assert "max_runing" in line
    assert "max_running" in line


LOG = """\
2026-11-23T11:00:00.000Z error luziad.store old=1
2026-11-23T12:00:00.000Z info luziad.app ready pid=1 socket=/s jobs=0
2026-11-23T12:00:02.000Z error luziad.store slow=1
2026-11-23T12:00:03.000Z info luziad.scheduling.scheduler job_ended outcome=failed reason='API error'
"""


def test_what_the_daemon_knows_is_told(serve: Serve, home: Path) -> None:
    (home / "d.log").write_text(LOG)
    answers: dict[str, dict[str, Any]] = {
        "info": info(
            version="0.0.9",
            notices=["restored from a snapshot"],
            storage="cannot write: no space",
            log_file=str(home / "d.log"),
            state_dir=str(home / "s"),
            config_file=str(home / "config.toml"),
        ),
        "projects": {
            "projects": [
                {"name": "a", "path": "/gone", "exists": False},
                {"name": "b", "path": "/tmp", "exists": True, "agent": "claude"},
            ],
            "config_file": "/c",
        },
        "agents": {
            "agents": [
                {
                    "name": "claude",
                    "source": "built-in",
                    "installed": False,
                    "default": True,
                    "install_hint": "Get it.",
                },
                {"name": "codex", "source": "built-in", "installed": True, "version": "0.169.0", "path": "/bin/codex"},
                {
                    "name": "vibe",
                    "source": "built-in",
                    "installed": True,
                    "problem": "exit code 1",
                    "path": "/bin/vibe",
                },
            ]
        },
    }
    serve(lambda request: {"ok": answers[request["op"]]})
    result = luzia("doctor", "--json")
    assert result.returncode == 1
    found = marks(result.stdout)
    assert found[f"luziad has version 0.0.9, luzia has {__version__}"] == "✗"
    assert found["restored from a snapshot"] == "!"
    assert found["storage: cannot write: no space"] == "✗"
    assert found["last error in the log: 2026-11-23T12:00:02.000Z error luziad.store slow=1"] == "!"
    assert "old=1" not in result.stdout
    assert "job_ended" not in result.stdout
    assert found["project a: /gone does not exist"] == "✗"
    assert found["projects: 1 of 2 exist"] == "✓"
    assert found["agents installed: codex 0.169.0, vibe"] == "✓"
    assert found["agents not installed: claude (`luzia agents` shows how to install them)"] == "✓"
    assert found["agent vibe does not start: exit code 1"] == "✗"
    assert found["default agent claude is not installed"] == "✗"
    assert found["project b: agent claude is not installed"] == "✗"


@pytest.mark.parametrize(("mode", "mark"), [(0o700, "✓"), (0o750, "✓"), (0o770, "✗"), (0o777, "✗")])
def test_a_runtime_directory_that_others_may_write_to_is_wrong(home: Path, mode: int, mark: str) -> None:
    (home / "r").chmod(mode)
    (finding,) = doctor_checks.check_runtime_dir()
    assert finding.mark == mark


def test_a_runtime_directory_of_somebody_else_is_wrong(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    (finding,) = doctor_checks.check_runtime_dir()
    assert finding.mark == "✗"
    assert "is owned by uid" in finding.text


def test_the_runtime_directory_is_that_of_the_system_service_for_who_uses_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = home / "service"
    service.mkdir(mode=0o750)
    monkeypatch.setattr(environment, "SYSTEM_RUNTIME_DIR", str(service))
    monkeypatch.setenv("LUZIA_SOCKET", f"{service}/luzia.sock")
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    (finding,) = doctor_checks.check_runtime_dir()
    assert (finding.mark, finding.text) == ("✓", f"runtime directory {service} (mode 750)")


def test_a_state_directory_on_a_network_is_wrong(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_checks, "file_system_type", lambda _: "nfs4")
    assert [finding.mark for finding in doctor_checks.check_state_dir(None)][-1] == "✗"


def test_the_file_system_of_a_path_is_that_of_the_nearest_mount() -> None:
    assert doctor_checks.file_system_type("/proc/self") == "proc"
    assert doctor_checks.file_system_type("/") != "unknown"


def test_a_socket_that_answers_nonsense_is_told(serve: Serve) -> None:
    serve(lambda _: b"HELO\n")
    result = luzia("doctor")
    assert result.returncode == 1
    assert "✗ the daemon's reply is invalid" in result.stdout


def test_a_remedy_stands_below_what_is_wrong(serve: Serve, home: Path) -> None:
    (home / "r").chmod(0o777)
    lines = luzia("doctor").stdout.splitlines()
    wrong = lines.index(f"✗ other users may write to {home}/r (mode 777)")
    assert lines[wrong + 1] == f"  → Run: chmod 700 {home}/r"
    assert isinstance(next(doctor_checks.check_python()), Finding)
