"""Notices on a desktop, over a private D-Bus with a real notify-send."""

from __future__ import annotations

from pathlib import Path

from desktop import desktop
from private_luzia import private_luzia, until
from receivers import cursor

CONFIG = (
    '[notify]\nlink = "https://luzia.example.org"\n[notify.targets.desk]\ndesktop = true\n'
    'body = "{reason} {task} {link}"\n'
    '[[notify.rules]]\ntargets = ["desk"]\nevents = ["failed"]\n'
)


def test_a_failed_job_is_shown_on_the_desktop() -> None:
    with desktop() as desk, private_luzia() as luzia:
        luzia.env["DBUS_SESSION_BUS_ADDRESS"] = desk.address
        Path(luzia.env["LUZIA_CONFIG"]).write_text(CONFIG)
        assert luzia.run("notify", "test", "desk").returncode == 0
        assert [shown[3] for shown in desk.shown] == ["✓ overbits: a test of luzia's notifications"]
        client = luzia.client()
        luzia.start("notify", "run")
        until(lambda: cursor(Path(luzia.env["LUZIA_STATE_DIR"], "notify.db")) is not None, "it follows the daemon")
        job = luzia.shell("echo '<b>--urgency=critical</b>'; exit 3  # --urgency=low")
        client.wait([job])
        until(lambda: len(desk.shown) == 2, "the notification is shown")
        program, _, _, title, body = desk.shown[1][:5]
        assert program == "luzia"
        assert title.startswith("✗ project: echo '<b>")
        assert body.startswith("exit code 3 echo '&lt;b&gt;--urgency=critical&lt;/b&gt;'")
        assert f"https://luzia.example.org/#/job/{job}" in body


def test_without_a_desktop_the_notice_waits() -> None:
    with desktop() as desk, private_luzia() as luzia:
        luzia.env["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=/nonexistent"
        Path(luzia.env["LUZIA_CONFIG"]).write_text(CONFIG)
        refused = luzia.run("notify", "test", "desk")
        assert refused.returncode == 74
        assert b"notify-send has ended with" in refused.stderr
        assert desk.shown == []
