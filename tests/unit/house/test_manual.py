"""The manual and the table of completions are up to date, and every installation gets them."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from luzia_client.cli.args.command_line import COMMANDS
from luzia_client.cli.help import topics
from luzia_docs.manual import completions, roff
from luzia_docs.manual.__main__ import MANUAL, files
from unit.house.scripts import ROOT

PAGES = sorted(MANUAL.glob("man*/*"))


def test_what_is_made_of_the_commands_is_up_to_date() -> None:
    made = files()
    assert [path.name for path, text in made.items() if path.read_text() != text] == [], "run `make generate`"
    assert set(PAGES) == {path for path in made if MANUAL in path.parents}


def test_luzia_s_own_page_has_every_command_and_every_topic() -> None:
    page = (MANUAL / "man1" / "luzia.1").read_text()
    assert all(f".BR luzia\\-{name} (1)\n" in page for name in COMMANDS)
    assert page.count(".SH ") >= len(topics.TITLES)


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="needs mandoc")
def test_mandoc_finds_nothing_wrong_with_the_pages() -> None:
    # They have no date, for they say which version they are of; and a line of prose is one line.
    done = subprocess.run(["mandoc", "-T", "lint", *map(str, PAGES)], capture_output=True, text=True)
    harmless = ("missing date", "longer than 80 bytes")
    assert [line for line in done.stdout.splitlines() if not any(words in line for words in harmless)] == []


@pytest.mark.skipif(shutil.which("man") is None, reason="needs man")
def test_man_shows_what_the_help_says() -> None:
    page = MANUAL / "man1" / "luzia-wait.1"
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "80", "MAN_KEEP_FORMATTING": ""}
    shown = subprocess.run(["man", "-l", str(page)], capture_output=True, text=True, env=env)
    if "has been minimized" in shown.stdout + shown.stderr:
        pytest.skip("this system's man shows nothing")
    assert "luzia wait [options] ID…" in shown.stdout
    assert "wait at most SPAN: 600, 10m" in shown.stdout


def test_no_text_can_steer_roff() -> None:
    assert roff.escape(".so /etc/passwd") == "\\&.so /etc/passwd"
    assert roff.escape("'x \\fB -y") == "\\(aqx \\efB \\-y"
    assert roff.escape("see `luzia jobs`") == "see \\fBluzia jobs\\fR"
    assert roff.escape("a lone ` stays") == "a lone \\(ga stays"


def test_every_kind_of_value_that_is_offered_is_known() -> None:
    table = json.loads(completions.completion_table())
    assert {"cancel", "dispatch"} <= table["commands"].keys()
    assert table["commands"]["jobs"]["options"]["--state"][0] == "state"
    assert table["commands"]["wait"]["words"] == ["job…"]


def test_the_package_brings_the_pages_and_the_completions() -> None:
    shared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    sources = shared["shared-data"]
    assert sources["docs/man"] == "share/man"
    scripts = {Path(source).suffix[1:]: target for source, target in sources.items() if source.startswith("luzia_cl")}
    assert scripts == {
        "bash": "share/bash-completion/completions/luzia",
        "zsh": "share/zsh/site-functions/_luzia",
        "fish": "share/fish/vendor_completions.d/luzia.fish",
    }
    assert all((ROOT / source).exists() for source in sources)
