"""Reads the written pages: docs/, and a few in other directories."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[3]
OTHER_PAGES = {
    ROOT / "protocol" / "README.md": "protocol.md",
    ROOT / "CONTRIBUTING.md": "contributing.md",
    ROOT / "CHANGELOG.md": "changelog.md",
}
"""Pages outside docs/ -> file names in the site."""

SECTIONS = {
    "Get started": ("tour", "quick-start", "troubleshooting"),
    "Guides": (),
    "Agents": ("agents", "agent-*"),
    "Reference": ("reference-*", "protocol", "errors"),
    "About": ("comparison", "reliability", "internals", "architecture", "contributing", "changelog"),
}
"""Sections of the site -> patterns of their pages. "Guides" has all other pages, in the order of docs/index.md."""

LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]+)?(\))")
MERMAID = re.compile(r"^```mermaid\n.*?^```\n+", re.MULTILINE | re.DOTALL)
"""A diagram that needs a script in the browser; the table below it has the same content."""


def source_pages() -> dict[str, str]:
    """File name in the site -> Markdown, for all pages except the index."""
    sources = {
        page: page.name for page in sorted((ROOT / "docs").glob("*.md")) if page.name != "index.md"
    } | OTHER_PAGES
    return {name: adapt_links(page, page.read_text()) for page, name in sources.items()}


def adapt_links(page: Path, text: str) -> str:
    """The text with links adapted to the file names in the site."""

    def link(match: re.Match[str]) -> str:
        opening, target, fragment, closing = match.groups()
        if "://" in target:
            return match[0]
        path = (page.parent / target).resolve()
        if path in OTHER_PAGES:
            target = OTHER_PAGES[path]
        elif path.parent == ROOT / "docs":
            target = path.name
        elif path.is_relative_to(ROOT / "docs"):
            target = str(path.relative_to(ROOT / "docs"))
        elif path == ROOT / "protocol" / "schema":
            target = "reference-protocol.md"
        return f"{opening}{target}{fragment or ''}{closing}"

    return LINK.sub(link, MERMAID.sub("", text))


def index_page(pages: Iterable[str]) -> str:
    """The index: docs/index.md, and the table of contents by section."""
    index = ROOT / "docs" / "index.md"
    text = adapt_links(index, index.read_text())
    order = [target for _, target, _, _ in LINK.findall(text)]
    names = sorted(pages, key=lambda name: (order.index(name) if name in order else len(order), name))
    parts = [text.replace("# Documentation", "# luzia", 1)]
    for title, listed in group_by_section(names).items():
        lines = "\n".join(name.removesuffix(".md") for name in listed)
        parts.append(f"```{{toctree}}\n:caption: {title}\n:hidden:\n\n{lines}\n```")
    return "\n\n".join(parts) + "\n"


def group_by_section(names: list[str]) -> dict[str, list[str]]:
    """Section -> its pages."""
    sections: dict[str, list[str]] = {}
    for title, patterns in SECTIONS.items():
        sections[title] = [
            name
            for pattern in patterns
            for name in names
            if fnmatch(name, f"{pattern}.md") and name not in sections.get(title, [])
        ]
    listed_names = {name for listed in sections.values() for name in listed}
    sections["Guides"] = [name for name in names if name not in listed_names]
    return sections
