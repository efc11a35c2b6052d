"""The commands of the page "As a service", by its sections."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[2] / "docs" / "service.md"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def read_blocks() -> dict[str, list[str]]:
    """The blocks of shell commands in each section of the page; sections without one are left out."""
    parts = (part.partition("\n") for part in PAGE.read_text().split("\n## "))
    found = {title: [text for _, text in FENCE.findall(section)] for title, _, section in parts}
    return {title: blocks for title, blocks in found.items() if blocks}


def follow(title: str, block: int = 1, **options: Any) -> None:
    """Run a block of commands on this machine, each of which must succeed.

    title: of its section. block: its number there, from 1. options: of subprocess.run().
    """
    subprocess.run(["bash", "-euc", read_blocks()[title][block - 1]], check=True, **options)
