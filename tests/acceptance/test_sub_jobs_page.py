"""Every example of docs/sub-jobs.md does what the page says."""

from __future__ import annotations

import re
from pathlib import Path

from private_luzia import private_luzia

PAGE = Path(__file__).parents[2] / "docs" / "sub-jobs.md"
BLOCK = re.compile(r"^```sh\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_examples_of_the_page_work() -> None:
    blocks = [block["text"] for block in BLOCK.finditer(PAGE.read_text())]
    with private_luzia() as luzia:
        luzia.install_command()
        client = luzia.client()
        client.add_project("overbits", luzia.project, "shell")
        said = [luzia.run_script(text) for text in blocks]
        assert said[0].splitlines()[-2:] == ["one half", "the other half"]
        detached = next(client.iter_jobs())
        assert (detached.task, detached.parent) == ("echo I am on my own", None)
