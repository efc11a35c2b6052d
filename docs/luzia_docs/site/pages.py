"""Gathers the pages that people write: docs/, and the few that stand elsewhere in the tree."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[3]
ELSEWHERE = {
    ROOT / "protocol" / "README.md": "protocol.md",
    ROOT / "CONTRIBUTING.md": "contributing.md",
    ROOT / "CHANGELOG.md": "changelog.md",
}
"""Pages outside of docs/, and what they are called in the site."""

SECTIONS = {
    "Begin": ("tour", "quick-start", "troubleshooting"),
    "Use": (),
    "Agents": ("agents", "agent-*"),
    "Reference": ("reference-*", "protocol", "errors"),
    "About": ("comparison", "reliability", "architecture", "contributing", "changelog"),
}
"""The parts of the site and their pages, as patterns. "Use" has what no other one has, as docs/index.md orders it."""

LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]+)?(\))")
MERMAID = re.compile(r"^```mermaid\n.*?^```\n+", re.MULTILINE | re.DOTALL)
"""A diagram that wants a program in the reader's browser; the table below it says the same."""


def written() -> dict[str, str]:
    """File name in the site -> Markdown, of all pages but the first."""
    sources = {page: page.name for page in sorted((ROOT / "docs").glob("*.md")) if page.name != "index.md"} | ELSEWHERE
    return {name: translated(page, page.read_text()) for page, name in sources.items()}


def translated(page: Path, text: str) -> str:
    """A page's text with links to where the pages stand in the site."""

    def link(match: re.Match[str]) -> str:
        opening, target, fragment, closing = match.groups()
        if "://" in target:
            return match[0]
        path = (page.parent / target).resolve()
        if path in ELSEWHERE:
            target = ELSEWHERE[path]
        elif path.parent == ROOT / "docs":
            target = path.name
        elif path.is_relative_to(ROOT / "docs"):
            target = str(path.relative_to(ROOT / "docs"))
        elif path == ROOT / "protocol" / "schema":
            target = "reference-protocol.md"
        return f"{opening}{target}{fragment or ''}{closing}"

    return LINK.sub(link, MERMAID.sub("", text))


def first(pages: Iterable[str]) -> str:
    """The first page: docs/index.md, and the list of all pages by parts."""
    index = ROOT / "docs" / "index.md"
    text = translated(index, index.read_text())
    order = [target for _, target, _, _ in LINK.findall(text)]
    names = sorted(pages, key=lambda name: (order.index(name) if name in order else len(order), name))
    parts = [text.replace("# Documentation", "# luzia", 1)]
    for title, listed in arranged(names).items():
        lines = "\n".join(name.removesuffix(".md") for name in listed)
        parts.append(f"```{{toctree}}\n:caption: {title}\n:hidden:\n\n{lines}\n```")
    return "\n\n".join(parts) + "\n"


def arranged(names: list[str]) -> dict[str, list[str]]:
    """Part of the site -> its pages."""
    parts: dict[str, list[str]] = {}
    for title, patterns in SECTIONS.items():
        parts[title] = [
            name
            for pattern in patterns
            for name in names
            if fnmatch(name, f"{pattern}.md") and name not in parts.get(title, [])
        ]
    placed = {name for listed in parts.values() for name in listed}
    parts["Use"] = [name for name in names if name not in placed]
    return parts
