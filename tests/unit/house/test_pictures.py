"""The pictures of the screens that the documentation shows."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ET

import pytest

from luzia_docs import packages
from luzia_docs.site import pictures, screens
from luzia_docs.site.svg import render_svg
from terminal import terminal
from unit.house.scripts import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def words(svg: str) -> str:
    """What the picture says, without the spaces: parts of other colours have places of their own."""
    return "".join("".join(ET.fromstring(svg).itertext()).split())


def test_a_picture_shows_what_is_on_the_screen() -> None:
    shown = "printf '\\033[1;31mred & <bold>\\033[0m 日本語 plain\\n'"
    with terminal(["sh", "-c", f"{shown}; exec sleep 600"], dict(os.environ), columns=40, rows=5) as screen:
        screen.shows("plain")
        svg = render_svg(screen, "a title")
    assert "red&<bold>" in words(svg)
    assert "plain" in words(svg)
    assert "atitle" in words(svg)
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("name", sorted(pictures.RENDERERS))
def test_every_renderer_has_its_picture_and_a_page_that_shows_it(name: str) -> None:
    assert words((pictures.PICTURES / f"{name}.svg").read_text())
    assert any(f"pictures/{name}.svg" in page.read_text() for page in PAGES)


def test_every_picture_has_a_renderer() -> None:
    kept = {path.stem for path in pictures.PICTURES.iterdir()}
    shown = {name for page in PAGES for name in re.findall(r"pictures/([\w-]+)\.svg", page.read_text())}
    assert kept == {*pictures.RENDERERS, packages.PICTURE.stem}
    assert shown <= kept


def test_every_screen_of_the_web_page_is_there_and_shown() -> None:
    kept = {path.stem for path in screens.SCREENS.iterdir()}
    shown = {name for page in PAGES for name in re.findall(r"screens/([\w-]+)\.png", page.read_text())}
    assert kept == shown == set(screens.PLACES)
