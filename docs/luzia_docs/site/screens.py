"""Takes pictures of the web page into docs/screens: `make pictures`. Needs Chromium.

They show a private daemon with jobs of every kind, of stand-ins for agents; ids and times differ each time.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "tests"))

from web_scene import scene  # noqa: E402
from web_server import Screen, chromium, web_server  # noqa: E402

SCREENS = ROOT / "docs" / "screens"
DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}

PLACES: dict[str, tuple[str, str, dict[str, int], str]] = {
    "inbox": ("inbox", ".group", DESK, "light"),
    "jobs": ("jobs", ".job-row a", DESK, "light"),
    "jobs-dark": ("jobs", ".job-row a", DESK, "dark"),
    "changes": ("job/{changed}/changes", ".diff-line.added", DESK, "light"),
    "spend": ("spend", ".chart canvas", DESK, "light"),
    "machine-dark": ("machine", "[aria-label='Doctor'][aria-busy='false'] .finding", DESK, "dark"),
    "transcript-dark": ("job/{done}", ".log-row", DESK, "dark"),
    "phone-inbox": ("inbox", ".group", PHONE, "light"),
    "phone-job": ("job/{running}", ".log-row", PHONE, "dark"),
}
"""Name -> the place, what must be visible there, the size, and the colours."""


def main() -> int:
    """Take all pictures; returns the exit status."""
    SCREENS.mkdir(exist_ok=True)
    with chromium() as browser, scene() as made, web_server(made.daemon) as server:
        for name, (place, awaited, size, colours) in PLACES.items():
            screen = Screen(browser, server, viewport=size, color_scheme=colours)
            screen.go("#/" + place.format(**made.jobs))
            screen.page.wait_for_selector(awaited)
            screen.page.wait_for_load_state("networkidle")
            screen.page.screenshot(path=SCREENS / f"{name}.png")
            screen.close()
            print(SCREENS / f"{name}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
