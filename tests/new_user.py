"""A user who has just installed luzia: an agent, some repositories, and no configuration."""

from __future__ import annotations

import os
import subprocess
import time
import tomllib
from contextlib import AbstractContextManager
from pathlib import Path

from private_luzia import PrivateLuzia
from terminal import Terminal, terminal

CLAUDE = "#!/bin/sh\necho '2.1.0 (Claude Code)'\n"


class NewUser:
    """A user with an agent, three repositories, and no configuration."""

    def __init__(self, luzia: PrivateLuzia) -> None:
        self.luzia = luzia
        self.home = Path(luzia.root, "home")
        programs = Path(luzia.root, "bin")
        programs.mkdir()
        (programs / "claude").write_text(CLAUDE)
        (programs / "claude").chmod(0o755)
        for number, name in enumerate(("src/overbits", "src/web site", "jobs", "src/node_modules/hidden", ".hidden")):
            directory = self.home / name
            directory.mkdir(parents=True)
            subprocess.run(["git", "init", "-q", str(directory)], check=True)
            used = time.time() - number * 86_400
            os.utime(directory / ".git" / "HEAD", (used, used))
        (self.home / "notes").mkdir()
        del luzia.env["LUZIA_CONFIG"]
        kept = {name: luzia.env[name] for name in luzia.env if not name.startswith("XDG_")}
        luzia.env = kept | {
            "HOME": str(self.home),
            "SHELL": "/bin/bash",
            "PATH": f"{programs}:/usr/bin:/bin",
            "XDG_RUNTIME_DIR": luzia.root,
        }
        self.config_file = self.home / ".config" / "luzia" / "config.toml"
        self.completion = self.home / ".local" / "share" / "bash-completion" / "completions" / "luzia"

    def config(self) -> dict[str, object]:
        return tomllib.loads(self.config_file.read_text())

    def init(self) -> AbstractContextManager[Terminal]:
        return terminal(self.luzia.command("init"), self.luzia.env, str(self.home), columns=110, rows=70)
