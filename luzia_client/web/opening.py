"""Opens a link in the user's browser without its token in a command line, which all users of the machine can read."""

from __future__ import annotations

import html
import os
import webbrowser
from pathlib import Path

from luzia_protocol import environment

_PAGE = """<!doctype html>
<meta charset="utf-8"><meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0;url={link}">
<title>luzia</title><a href="{link}">Open luzia</a>
"""


def page_path() -> Path:
    """The page that leads the browser on. Its token is worth nothing after a minute; the next link replaces it."""
    return Path(environment.runtime_dir(), "web-open.html")


def open_link(link: str) -> bool:
    """Open a link in the default browser; returns whether one was started. Raises OSError.

    The browser is given a file that only the user may read, and which leads on to the link.
    """
    path = page_path()
    remove_page()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with open(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(_PAGE.format(link=html.escape(link)))
    if webbrowser.open(path.as_uri()):
        return True
    remove_page()
    return False


def remove_page() -> None:
    """Remove the page, if there is one."""
    page_path().unlink(missing_ok=True)
