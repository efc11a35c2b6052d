"""Whose socket it is: that of a service, which only systemd starts, or of a daemon that commands start."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from luzia_protocol import environment

from luzia_client.transport import logout, service
from luzia_client.transport.service import Service, service_of


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without a service, whose files are below this directory."""
    runtime = tmp_path / "run-luzia"
    monkeypatch.setattr(environment, "SYSTEM_RUNTIME_DIR", str(runtime))
    monkeypatch.setattr(service, "SYSTEM_UNIT_DIRS", (str(tmp_path / "units"),))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    return tmp_path


def enable_for_user(home: Path) -> None:
    (home / ".config/systemd/user/sockets.target.wants").mkdir(parents=True)
    (home / ".config/systemd/user/sockets.target.wants/luziad.socket").touch()


@pytest.mark.parametrize("uid", [0, 1000])
def test_the_socket_of_the_machine_is_the_services_where_one_is_installed(
    machine: Path, uid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    (machine / "units").mkdir()
    (machine / "units/luziad.socket").touch()
    found = service_of(str(machine / "run-luzia/luzia.sock"))
    assert found == Service(is_system=True)
    assert "systemctl start luziad.socket luziad.service" in found.start_hint()


@pytest.mark.parametrize(("uid", "found"), [(0, None), (1000, Service(is_system=True))])
def test_only_root_has_it_where_none_is_installed(
    machine: Path, uid: int, found: Service | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    assert service_of(str(machine / "run-luzia/luzia.sock")) == found


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_runtime_directory_of_the_services_user_is_enough(machine: Path) -> None:
    (machine / "run-luzia").mkdir()
    assert service_of(str(machine / "run-luzia/luzia.sock")) is None
    os.chown(machine / "run-luzia", 65534, 65534)
    assert service_of(str(machine / "run-luzia/luzia.sock")) == Service(is_system=True)


def test_only_root_is_told_to_look_for_the_cause_of_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    hints = {}
    for uid in (0, 1000):
        monkeypatch.setattr(os, "geteuid", lambda uid=uid: uid)
        hints[uid] = Service(is_system=True).failure_hint("restart", "luziad.service")
    assert "`systemctl reset-failed luziad.socket luziad.service`" in hints[0]
    assert hints[1000].startswith("Run it as root: `sudo systemctl restart luziad.service`")
    assert "reset-failed" in Service(is_system=False).failure_hint("restart")


def test_a_users_socket_is_the_services_when_it_is_enabled_and_the_manager_runs(machine: Path) -> None:
    socket = str(machine / "run/luzia/luzia.sock")
    enable_for_user(machine)
    assert service_of(socket) is None
    (machine / "run/systemd").mkdir(parents=True)
    (machine / "run/systemd/private").touch()
    assert service_of(socket) == Service(is_system=False)
    assert service_of(str(machine / "elsewhere/luzia.sock")) is None


def test_a_users_socket_is_found_whatever_the_variables_of_another_user_say(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket = str(machine / "run/luzia/luzia.sock")
    enable_for_user(machine)
    (machine / "run/systemd").mkdir(parents=True)
    (machine / "run/systemd/private").touch()
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/0-of-another-user")
    assert service_of(socket) == Service(is_system=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert service_of(socket) == Service(is_system=False)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert service_of(socket) is None, "it is that of another user's manager"


def test_the_end_at_the_logout_is_told_once(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logout, "LINGER_DIR", str(machine / "linger"))
    monkeypatch.setenv("LUZIA_STATE_DIR", str(machine))
    socket = str(machine / "run/luzia/luzia.sock")
    logout.warn_once(socket)
    assert capsys.readouterr().err == ""  # it is no service
    enable_for_user(machine)
    (machine / "run/systemd").mkdir(parents=True)
    (machine / "run/systemd/private").touch()
    logout.warn_once(socket)
    assert "sudo loginctl enable-linger" in capsys.readouterr().err
    logout.warn_once(socket)
    assert capsys.readouterr().err == ""


def test_who_may_enter_the_directory_of_the_service_uses_it_also_while_it_is_stopped(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LUZIA_SOCKET", "LUZIA_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    (machine / "run").mkdir()
    directory = machine / "run-luzia"
    own = str(machine / "run/luzia/luzia.sock")
    assert environment.socket_path() == own
    directory.mkdir(mode=0o750)
    assert environment.socket_path() == str(directory / "luzia.sock")
    directory.chmod(0o755)
    assert environment.socket_path() == own, "not that of a service, which is closed to others"
    directory.chmod(0o700)
    assert environment.socket_path() == own, "what root has used without a service"
    directory.chmod(0o750)
    (machine / "run/luzia").mkdir()
    (machine / "run/luzia/luzia.sock").touch()
    assert environment.socket_path() == own
