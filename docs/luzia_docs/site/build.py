"""Builds the site: `make site`. Any warning of Sphinx's, such as a link that leads nowhere, is an error.

The pages are written for readers of the tree. They are copied with their links adapted; what comes from the code
is written beside them; and Sphinx makes HTML of both.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import build_main

from luzia_docs.site import pages, reference

CONFIGURATION = Path(__file__).parent
BUILD = pages.ROOT / "build" / "site"


def gather(source: Path) -> None:
    """Write everything that Sphinx reads into `source`, anew."""
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    texts = pages.written() | {name: write() for name, write in reference.PAGES.items()}
    texts["index.md"] = pages.first(texts)
    for name, text in texts.items():
        (source / name).write_text(text)
    shutil.copytree(pages.ROOT / "protocol" / "schema", source / "schema")
    if (pictures := pages.ROOT / "docs" / "pictures").is_dir():
        shutil.copytree(pictures, source / "pictures")


def build(target: Path) -> int:
    """Build the site into `target`/html; returns Sphinx's exit status."""
    gather(target / "source")
    options = ["--builder", "html", "--fail-on-warning", "--keep-going", "--quiet", "--conf-dir", str(CONFIGURATION)]
    return build_main(
        [*options, "--doctree-dir", str(target / "doctrees"), str(target / "source"), str(target / "html")]
    )


if __name__ == "__main__":
    status = build(Path(sys.argv[1]) if len(sys.argv) > 1 else BUILD)
    if status == 0 and len(sys.argv) == 1:
        print(f"{BUILD.relative_to(pages.ROOT)}/html/index.html")
    sys.exit(status)
