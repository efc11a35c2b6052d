"""Adds the project's URLs to a wheel's metadata, and makes the links of its README absolute, for the page of an index.

hatchling runs this file while it builds; nothing imports it. The variable LUZIA_PROJECT_URL is the web page of the
repository that is published, such as https://example.org/luzia. Without it, the wheel has no URLs, and the README's
links are as in the repository.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_RELATIVE_LINK = re.compile(r"\]\((?![a-z]+:|#)([^)]+)\)")


class ProjectUrls(MetadataHookInterface):  # type: ignore[misc]
    """The hook."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the fields `readme` and `urls`."""
        url = os.environ.get("LUZIA_PROJECT_URL", "").rstrip("/")
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        if url:
            text = _RELATIVE_LINK.sub(rf"]({url}/blob/HEAD/\1)", text)
            metadata["urls"] = {
                "Homepage": url,
                "Documentation": f"{url}/blob/HEAD/docs/index.md",
                "Changelog": f"{url}/blob/HEAD/CHANGELOG.md",
            }
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
