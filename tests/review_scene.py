"""Finished work of ten agents that waits for a decision, for tests and pictures of `luzia review`."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from git_projects import Repository
from support import ROOT, OneRequestEach, PrivateDaemon

PROGRAM = ROOT / "tests" / "data" / "programs" / "editing_claude.py"
CART = '''"""The shopping cart."""

from decimal import Decimal


def total(items: list[Decimal]) -> Decimal:
    """The sum of the items."""
    result = Decimal(0)
    for item in items:
        result = result + item
    return result


def count(items: list[Decimal]) -> int:
    return len(items)


class Cart:
    """What a customer wants to buy."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.items: list[Decimal] = []

    def add(self, price: Decimal) -> None:
        self.items.append(price)

    def is_empty(self) -> bool:
        return len(self.items) == 0
'''
LOGIN = "\n".join(["export function login(user) {", "  const button = find('login');", "  button.click();", "}", ""])
FILES = {
    "shop/cart.py": CART,
    "web/login.js": LOGIN,
    "docs/prices.md": "# Prices\n\nAll prices are in euro.\n",
    "README": "The shop.\n",
    "config.toml": 'name = "shop"\nworkers = 2\n',
}
PLANS: dict[str, dict[str, Any]] = {
    "add up the cart with sum()": {
        "files": {
            "shop/cart.py": CART.replace(
                "    result = Decimal(0)\n    for item in items:\n        result = result + item\n    return result\n",
                "    return sum(items, start=Decimal(0))\n",
            ).replace("return len(self.items) == 0", "return not self.items"),
            "tests/test_cart.py": "from shop.cart import total\n\n\ndef test_total():\n    assert total([]) == 0\n",
        },
        "summary": "`total()` now uses `sum()` with a Decimal as its start, and `is_empty()` says what it means.\n"
        "I have added a test for the empty cart. All 14 tests pass.",
        "cost": 0.31,
    },
    "fix the login button": {
        "files": {"web/login.js": LOGIN.replace("button.click();", "button?.click();")},
        "summary": "The button may be missing on small screens; the click is skipped then.",
        "cost": 0.08,
    },
    "describe the new prices": {
        "files": {"docs/prices.md": "# Prices\n\nAll prices are in euro, with taxes.\n\n| size | price |\n|---|---|\n"},
        "summary": "The page has a table of the three sizes.",
    },
    "翻译首页 into French 🎉": {
        "files": {"web/page.fr.html": "<h1>Bienvenue – 欢迎光临本店 👋🏽</h1>\n<p>" + "très long " * 30 + "</p>\n"},
        "summary": "首页已翻译。La page est traduite.",
    },
    "use four workers": {"files": {"config.toml": 'name = "shop"\nworkers = 4\n'}, "summary": "Four workers."},
    "move the cart to its own package": {
        "moves": {"shop/cart.py": "cart/model.py"},
        "summary": "Only the file has moved; nothing in it has changed.",
    },
    "add the logo": {
        "files": {"web/logo.bin": "\x00\x01\udcff" * 50, "README": "The shop.\n\nIt has a logo.\n"},
        "summary": "The logo is in web/logo.bin.",
    },
    "remove the old prices": {"files": {"docs/prices.md": None}, "summary": "The page was not linked any more."},
    "write a page about shipping": {
        "files": {"docs/shipping.md": "# Shipping\n\nWithin three days.\n"},
        "summary": "A first page about shipping.",
    },
    "log every request": {
        "files": {"shop/log.py": "import logging\n\nlog = logging.getLogger(__name__)\n"},
        "summary": "I could not find out where requests are handled.",
        "fails": True,
        "cost": 1.42,
    },
}
"""Task -> what the agent does, as editing_claude.py reads it."""


class Reviewed(OneRequestEach):
    """A daemon with the project overbits, a repository, in which Claude Code works in worktrees."""

    def __init__(self, root: Path, config: str = "") -> None:
        self.project = Repository(root / "overbits", root / "home")
        self.plans = root / "plans.json"
        program = root / "bin" / "claude"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -SE {PROGRAM} {self.plans} "$@"\n')
        program.chmod(0o755)
        env = {"HOME": str(root / "home"), "PATH": f"{program.parent}:{os.environ['PATH']}"}
        super().__init__(PrivateDaemon(root, f"worktree = true\n{config}\n", env=env))
        text = self.daemon.config_file.read_text()
        self.daemon.config_file.write_text(text.replace('agent = "shell"', 'agent = "claude"'))
        self.daemon.env = {name: value for name, value in self.daemon.env.items() if not name.startswith("XDG_")}
        self.daemon.env.pop("NO_COLOR", None)
        self.project.init()
        for name, content in FILES.items():
            self.project.write(name, content)
        self.project.commit("the shop")

    def finished(self, task: str, plan: Mapping[str, Any] | None = None) -> str:
        """Dispatch a task, and return the job's id when it has ended."""
        plans = json.loads(self.plans.read_text()) if self.plans.exists() else PLANS
        self.plans.write_text(json.dumps(plans if plan is None else {**plans, task: plan}))
        job: str = self.ok(op="dispatch", project="overbits", task=task)["job"]
        self.ended(job)
        return job

    def ten(self) -> list[str]:
        """Ten finished jobs, the oldest first."""
        return [self.finished(task) for task in PLANS]

    @property
    def told(self) -> list[str]:
        """What the agent was told when its session was resumed."""
        path = self.plans.with_name("told")
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@contextmanager
def reviewed(config: str = "") -> Iterator[Reviewed]:
    """A scene whose daemon runs. config: more settings of the project."""
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        made = Reviewed(Path(directory), config)
        try:
            made.daemon.start()
            yield made
        finally:
            made.daemon.end_everything()
