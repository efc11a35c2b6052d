"""The units that `luzia daemon install-service` writes, and the commands that it runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from unit.luzia_client.fake_daemon import luzia


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    """A home directory, with a systemctl that writes down how it was called, and fails for one verb."""
    (home / "bin").mkdir()
    program = home / "bin" / "systemctl"
    program.write_text(f'#!/bin/sh\necho "$@" >>{home}/calls\n[ "$2" != "$FAILS" ]\n')
    program.chmod(0o755)
    (home / "config").mkdir()
    return {"HOME": str(home), "XDG_CONFIG_HOME": f"{home}/config", "PATH": f"{home}/bin:{os.environ['PATH']}"}


def test_it_writes_the_units_with_the_programs_and_enables_both(home: Path, environment: dict[str, str]) -> None:
    done = luzia("daemon", "install-service", "--user", env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    units = home / "config/systemd/user"
    programs = Path(sys.executable).parent
    assert f"ExecStart={programs}/luziad\n" in (units / "luziad.service").read_text()
    assert f"ExecReload={programs}/luzia daemon reload\n" in (units / "luziad.service").read_text()
    assert "ListenStream=%t/luzia/luzia.sock\n" in (units / "luziad.socket").read_text()
    assert (home / "calls").read_text().splitlines() == [
        "--user daemon-reload",
        "--user enable --now luziad.socket luziad.service",
    ]
    assert "systemctl --user status luziad.service" in done.stdout


def test_a_dry_run_shows_everything_and_changes_nothing(home: Path, environment: dict[str, str]) -> None:
    done = luzia("daemon", "install-service", "--user", "--dry-run", env=environment)
    assert done.returncode == 0
    assert "run systemctl --user enable --now luziad.socket luziad.service\n" in done.stdout
    assert "    Type=notify\n" in done.stdout
    assert not (home / "calls").exists()
    assert list((home / "config").iterdir()) == []


def test_a_dry_run_for_the_machine_names_all_files(environment: dict[str, str]) -> None:
    done = luzia("daemon", "install-service", "--system", "--dry-run", env=environment)
    written = [line for line in done.stdout.splitlines() if line.startswith("write ")]
    assert written == [
        "write /etc/sysusers.d/luzia.conf",
        "write /etc/tmpfiles.d/luzia.conf",
        "write /etc/systemd/system/luziad.socket",
        "write /etc/systemd/system/luziad.service",
    ]


def test_a_command_that_fails_is_named_with_what_to_do(environment: dict[str, str]) -> None:
    done = luzia("daemon", "install-service", "--user", env=environment | {"FAILS": "enable"})
    assert done.returncode == 2
    assert "`systemctl --user enable --now luziad.socket luziad.service` failed" in done.stderr


def test_a_masked_unit_is_refused_before_anything_is_written(home: Path, environment: dict[str, str]) -> None:
    units = home / "config/systemd/user"
    units.mkdir(parents=True)
    (units / "luziad.service").symlink_to("/dev/null")
    done = luzia("daemon", "install-service", "--user", env=environment)
    assert done.returncode == 2
    assert "luziad.service is masked" in done.stderr
    assert "systemctl --user unmask luziad.service" in done.stderr
    assert [path.name for path in units.iterdir()] == ["luziad.service"]
    assert not (home / "calls").exists()


def test_options_of_another_action_are_refused() -> None:
    done = luzia("daemon", "status", "--dry-run")
    assert (done.returncode, "does not take these arguments" in done.stderr) == (2, True)
