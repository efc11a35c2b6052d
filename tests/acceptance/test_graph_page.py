"""Every example of docs/graphs.md does what the page says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from private_luzia import DEADLINE_S, private_luzia

PAGE = Path(__file__).parents[2] / "docs" / "graphs.md"
BLOCK = re.compile(r"^```(?P<kind>sh|toml)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_examples_of_the_page_work() -> None:
    blocks = list(BLOCK.finditer(PAGE.read_text()))
    assert len([block for block in blocks if block["kind"] == "sh"]) >= 6
    with private_luzia() as luzia:
        commands = Path(luzia.root, "bin")
        commands.mkdir()
        program = "import sys\nfrom luzia_client.cli.main import main\nsys.exit(main())\n"
        (commands / "luzia").write_text(f"#!{sys.executable}\n{program}")
        (commands / "luzia").chmod(0o755)
        luzia.env["PATH"] = f"{commands}:{luzia.env['PATH']}"
        luzia.client().add_project("overbits", luzia.project, "shell")
        said = []
        for block in blocks:
            if block["kind"] == "toml":
                Path(luzia.project, "pipeline.toml").write_text(block["text"])
                continue
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block["text"]],
                env=luzia.env,
                cwd=luzia.project,
                capture_output=True,
                text=True,
                timeout=DEADLINE_S,
            )
            assert done.returncode == 0, (block["text"], done.stderr)
            said.append(done.stdout)
        assert said[1].splitlines()[-1] == "42"
        drawn = {line.split()[0] for line in said[2].splitlines()[:5]}
        assert drawn == {"build", "test", "lint", "deploy", "alarm"}
        assert "(also after " in said[2]
        assert len(said[4].split()) == 3
