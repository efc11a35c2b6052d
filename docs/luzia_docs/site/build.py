"""Builds the web site for `make site`. Any warning of Sphinx, such as a broken link, is an error.

The written pages are copied with their links adapted, the reference is generated next to them, and Sphinx converts both
to HTML.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import build_main

from luzia_docs.site import pages, reference

CONFIGURATION = Path(__file__).parent
BUILD = pages.ROOT / "build" / "site"


def write_sources(source: Path) -> None:
    """Replace the directory `source` by the input of Sphinx."""
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    texts = pages.source_pages() | {name: generate() for name, generate in reference.PAGES.items()}
    texts["index.md"] = pages.index_page(texts)
    for name, text in texts.items():
        (source / name).write_text(text)
    shutil.copytree(pages.ROOT / "protocol" / "schema", source / "schema")
    for directory in ("pictures", "screens", "metrics"):
        shutil.copytree(pages.ROOT / "docs" / directory, source / directory)


def build(target: Path) -> int:
    """Build the site into `target`/html and return the exit status of Sphinx."""
    write_sources(target / "source")
    options = ["--builder", "html", "--fail-on-warning", "--keep-going", "--quiet", "--conf-dir", str(CONFIGURATION)]
    return build_main(
        [*options, "--doctree-dir", str(target / "doctrees"), str(target / "source"), str(target / "html")]
    )


if __name__ == "__main__":
    status = build(Path(sys.argv[1]) if len(sys.argv) > 1 else BUILD)
    if status == 0 and len(sys.argv) == 1:
        print(f"{BUILD.relative_to(pages.ROOT)}/html/index.html")
    sys.exit(status)
