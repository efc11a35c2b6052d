"""Git repositories for tests: made with a name and settings of their own, whatever the user's are."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

SETTINGS = """\
[user]
name = Ada
email = ada@example.invalid
[init]
defaultBranch = main
[commit]
gpgSign = false
[protocol "file"]
allow = always
"""


class Repository:
    """A work tree. root: its directory, which need not be there. Git runs in it as in a clean account."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root = root
        self.home = home
        if not (home / ".gitconfig").exists():
            home.mkdir(exist_ok=True)
            (home / ".gitconfig").write_text(SETTINGS)

    @property
    def env(self) -> dict[str, str]:
        """The variables for git."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "XDG_"))}
        return clean | {"HOME": str(self.home), "LC_ALL": "C.UTF-8"}

    def git(self, *words: str, check: bool = True) -> str:
        """What git says on stdout, without its last newline."""
        done = subprocess.run(
            ["git", *words], cwd=self.root, env=self.env, check=False, capture_output=True, stdin=subprocess.DEVNULL
        )
        assert not check or done.returncode == 0, done.stderr
        return os.fsdecode(done.stdout).removesuffix("\n")

    def init(self) -> Repository:
        """Make it a repository with one commit."""
        self.root.mkdir(exist_ok=True)
        self.git("init", "-q")
        self.write("README", "first\n")
        self.commit("first")
        return self

    def write(self, name: str, content: str) -> Path:
        """Write a file, with the directories above it."""
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        return file

    def commit(self, message: str) -> str:
        """Commit everything; returns the commit."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def at(self, place: str | Path) -> Repository:
        """Another work tree of the same account."""
        return Repository(Path(place), self.home)

    def picture(self) -> dict[str, object]:
        """Everything that a refused change must leave as it was."""
        files = {
            str(file.relative_to(self.root)): file.read_bytes()
            for file in sorted(self.root.rglob("*"))
            if file.is_file() and ".git" not in file.relative_to(self.root).parts
        }
        return {
            "head": self.git("symbolic-ref", "-q", "HEAD", check=False) or self.git("rev-parse", "HEAD"),
            "refs": self.git("for-each-ref"),
            "index": self.git("ls-files", "-s"),
            "status": self.git("status", "--porcelain"),
            "files": files,
        }
