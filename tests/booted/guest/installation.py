"""The package is installed on a running system."""

from __future__ import annotations

import re
from pathlib import Path

from checks import install, run, systemd_version, unit

UNITS = ("luziad.socket", "luziad.service")
CLIENTS = ("luzia-web.socket", "luzia-web.service", "luzia-metrics.service", "luzia-notify.service")


def the_package_installs_enables_and_starts_the_service() -> None:
    for user in ("alice", "bob", "carol"):
        run("useradd", "--create-home", "--shell", "/bin/bash", user)
    Path("/etc/sudoers.d/users").write_text("alice, carol ALL=(ALL) NOPASSWD: ALL\n")
    install("luzia_0.*.deb")
    for name in UNITS:
        assert run("systemctl", "is-enabled", name).strip() == "enabled"
        assert run("systemctl", "is-active", name).strip() == "active"
    run("install", "-d", "-o", "luzia", "-g", "luzia", "/srv/work")


def the_units_of_optional_clients_are_installed_and_disabled() -> None:
    for name in CLIENTS:
        assert run("systemctl", "--user", "--global", "is-enabled", name, status=None).strip() == "disabled"
        assert "%h/.local" not in Path("/usr/lib/systemd/user", name).read_text()


def systemd_accepts_the_units() -> None:
    version = systemd_version()
    for kind, user, options in (("system", "root", []), ("user", "alice", ["--user"])):
        paths = [f"/usr/lib/systemd/{kind}/{name}" for name in UNITS]
        output = run("systemd-analyze", "--man=no", *options, "verify", *paths, user=user)
        known = "Unknown key 'DelegateSubgroup'"
        assert [line for line in output.splitlines() if version >= 254 or known not in line] == []


def the_manual_of_the_units_is_installed() -> None:
    for page in ("luzia(1)", "luziad(8)"):
        assert f"man:{page}" in unit("luziad.service", "Documentation")
        name, _, section = page.rstrip(")").partition("(")
        run("test", "-e", f"/usr/share/man/man{section}/{name}.{section}.gz")
    assert "network-online.target" in unit("luziad.service", "After").split()


def the_completions_are_installed() -> None:
    shells = (
        "bash-completion/completions/luzia",
        "zsh/vendor-completions/_luzia",
        "fish/vendor_completions.d/luzia.fish",
    )
    for name in shells:
        assert Path("/usr/share", name).stat().st_size > 0, name
    assert "luzia" in run("bash", "-euc", f"source /usr/share/{shells[0]}; complete -p luzia")


def the_metadata_of_the_wheel_in_it_are_those_for_an_index() -> None:
    code = "from importlib.metadata import metadata; print(metadata('luzia'))"
    shown = run("/usr/lib/luzia/bin/python3", "-c", code)
    assert "Project-URL: Homepage, https://example.org/luzia\n" in shown
    assert "Classifier: Programming Language :: Python :: 3.14\n" in shown
    links = re.findall(r"\]\(([^)]+)\)", shown)
    assert "https://example.org/luzia/blob/HEAD/docs/service.md" in links
    assert [link for link in links if not link.startswith(("https://", "#"))] == []


def the_wheel_in_it_can_write_the_units() -> None:
    shown = run("luzia", "daemon", "install-service", "--system", "--dry-run")
    assert "    ExecStart=/usr/lib/luzia/bin/luziad\n" in shown
