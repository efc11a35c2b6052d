"""The examples of docs/scheduling.md do what the page says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from private_luzia import PrivateLuzia, private_luzia

PAGE = (Path(__file__).parents[2] / "docs" / "scheduling.md").read_text()
SHELL = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [line for block in SHELL for line in block.splitlines()]


def configure(luzia: PrivateLuzia) -> None:
    """The page's own configuration, with projects in this directory that run shell commands."""
    (config,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    config = re.sub(r'path = ".*"', f'path = "{luzia.project}"\nagent = "shell"', config)
    Path(luzia.env["LUZIA_CONFIG"]).write_text(config)


@pytest.fixture(scope="module")
def luzia() -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        configure(luzia)
        yield luzia


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_of_the_page_is_accepted(luzia: PrivateLuzia, line: str) -> None:
    words = re.findall(r'"([^"]*)"|(\S+)', line)
    command, *options = [quoted or plain for quoted, plain in words]
    assert command == "luzia"
    done = luzia.run(*options)
    assert done.returncode == 0, done.stderr
