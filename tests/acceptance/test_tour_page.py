"""The examples of docs/tour.md do what the page says."""

from __future__ import annotations

import re
import subprocess

from luzia_docs.site.scene import example_daemon
from unit.house.scripts import ROOT

PAGE = (ROOT / "docs" / "tour.md").read_text()
SHELL = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_tour_can_be_taken_from_the_beginning_to_the_end() -> None:
    with example_daemon() as daemon:
        script = "set -e\n" + "".join(SHELL)
        command = ["bash", "-c", script]
        done = subprocess.run(command, env=daemon.env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "find out why the invoice is empty" in done.stdout
    assert "it is done\n" in done.stdout
