"""The booted tests fail, and say why, on a machine that cannot boot a guest."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from booted import debian, run


def test_a_machine_that_does_not_permit_namespaces_is_told_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "unshare").write_text("#!/bin/sh\necho 'unshare failed: Operation not permitted' >&2\nexit 1\n")
    (tmp_path / "unshare").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(debian, "check_programs", lambda _: None)  # this machine need not have them, nor run it as root
    monkeypatch.setattr(sys, "argv", ["booted.run"])
    assert run.main() == 1
    assert "does not permit namespaces: unshare failed: Operation not permitted" in capsys.readouterr().err


def test_missing_programs_are_told_with_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    with pytest.raises(debian.CannotBootError, match=r"missing: no-such-program; run `apt install its-package`"):
        debian.check_programs({"no-such-program": "its-package"})


def test_the_checks_are_for_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(debian.CannotBootError, match="only root"):
        debian.check_programs({})


def test_one_command_runs_the_booted_tests_with_all_others() -> None:
    assert "test-systemd" in (debian.ROOT / ".ci/run").read_text().split("make ", 1)[1].split()
