"""Every example of docs/sub-jobs.md does what the page says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from private_luzia import DEADLINE_S, private_luzia

PAGE = Path(__file__).parents[2] / "docs" / "sub-jobs.md"
BLOCK = re.compile(r"^```sh\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_examples_of_the_page_work() -> None:
    blocks = [block["text"] for block in BLOCK.finditer(PAGE.read_text())]
    with private_luzia() as luzia:
        commands = Path(luzia.root, "bin")
        commands.mkdir()
        program = "import sys\nfrom luzia_client.cli.main import main\nsys.exit(main())\n"
        (commands / "luzia").write_text(f"#!{sys.executable}\n{program}")
        (commands / "luzia").chmod(0o755)
        luzia.env["PATH"] = f"{commands}:{luzia.env['PATH']}"
        client = luzia.client()
        client.add_project("overbits", luzia.project, "shell")
        said = []
        for text in blocks:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", text],
                env=luzia.env,
                cwd=luzia.project,
                capture_output=True,
                text=True,
                timeout=DEADLINE_S,
            )
            assert done.returncode == 0, (text, done.stderr)
            said.append(done.stdout)
        assert said[0].splitlines()[-2:] == ["one half", "the other half"]
        detached = next(client.iter_jobs())
        assert (detached.task, detached.parent) == ("echo I am on my own", None)
