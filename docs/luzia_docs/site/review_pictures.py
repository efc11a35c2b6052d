"""The pictures of `luzia review`: ten finished jobs of a real daemon, and what is decided about them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from luzia_docs.site.svg import render_svg
from review_scene import Reviewed, reviewed
from support import MAIN
from terminal import Terminal, terminal


@contextmanager
def _review(columns: int = 92, rows: int = 26) -> Iterator[tuple[Reviewed, Terminal]]:
    """Ten finished jobs, on a screen that shows the first of them."""
    with reviewed() as place:
        place.ten()
        place.daemon.env["LC_ALL"] = "C.UTF-8"
        argv = [sys.executable, "-c", MAIN, "review"]
        with terminal(argv, place.daemon.env, str(place.project.root), columns, rows) as screen:
            screen.shows("1 of 10", "return sum(items")
            yield place, screen


def review() -> str:
    """The first of ten jobs."""
    with _review() as (_, screen):
        return render_svg(screen, "luzia review")


def review_comment() -> str:
    """A hunk that is marked, and a comment on a line."""
    with _review() as (_, screen):
        screen.press("]", " ", "/")
        screen.shows("Search:")
        screen.press("return sum", "enter", "c")
        screen.shows("Comment:")
        screen.press("why not math.fsum?", "enter")
        screen.shows("» why not math.fsum?", "1 marked")
        return render_svg(screen, "luzia review")


def review_wide() -> str:
    """Both sides beside each other, and the list of jobs."""
    with _review(columns=170, rows=32) as (_, screen):
        return render_svg(screen, "luzia review")


def review_conflict() -> str:
    """A job that conflicts with what was merged before."""
    with _review() as (place, screen):
        plan = {"files": {"shop/cart.py": "# The cart is a service now.\n"}, "summary": "The cart is a service now."}
        place.finished("make the cart a service", plan)
        screen.press("a")
        screen.shows("into main")
        screen.press("p")
        screen.shows("Conflicts with main: shop/cart.py")
        screen.press("down")
        screen.shows("C conflict to agent")
        return render_svg(screen, "luzia review")
