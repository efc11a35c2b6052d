"""Every example of docs/graphs.md does what the page says."""

from __future__ import annotations

import re
from pathlib import Path

from private_luzia import private_luzia

PAGE = Path(__file__).parents[2] / "docs" / "graphs.md"
BLOCK = re.compile(r"^```(?P<kind>sh|toml)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_examples_of_the_page_work() -> None:
    blocks = list(BLOCK.finditer(PAGE.read_text()))
    assert len([block for block in blocks if block["kind"] == "sh"]) >= 6
    with private_luzia() as luzia:
        luzia.install_command()
        luzia.client().add_project("overbits", luzia.project, "shell")
        said = []
        for block in blocks:
            if block["kind"] == "toml":
                Path(luzia.project, "pipeline.toml").write_text(block["text"])
                continue
            said.append(luzia.run_script(block["text"]))
        assert said[1].splitlines()[-1] == "42"
        drawn = {line.split()[0] for line in said[2].splitlines()[:5]}
        assert drawn == {"build", "test", "lint", "deploy", "alarm"}
        assert "(also after " in said[2]
        assert len(said[4].split()) == 3
