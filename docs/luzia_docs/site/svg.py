"""Renders a terminal screen as SVG with Rich. The template of Rich would load fonts from another server."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from pyte.screens import Char
from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

if TYPE_CHECKING:
    from terminal import Terminal

TEMPLATE = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 16px; font-family: sans-serif; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""
COLOUR_NAMES = {"brown": "yellow", "default": None}
"""Colour names of pyte -> those of Rich."""


def render_svg(screen: Terminal, title: str) -> str:
    """The screen as an SVG picture, without trailing empty rows."""
    rows = screen.cells()
    while rows and not "".join(cell.data for cell in rows[-1]).strip():
        rows.pop()
    console = Console(
        record=True, width=len(rows[0]), file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    for row in rows:
        line = Text(no_wrap=True, end="")
        for cell in row:
            line.append(cell.data, _style(cell))
        console.print(line, crop=False, overflow="ignore")
    return console.export_svg(title=title, theme=SVG_EXPORT_THEME, code_format=TEMPLATE, unique_id="luzia")


def _style(cell: Char) -> Style:
    return Style(
        color=_colour(cell.fg),
        bgcolor=_colour(cell.bg),
        bold=cell.bold,
        italic=cell.italics,
        underline=cell.underscore,
        reverse=cell.reverse,
    )


def _colour(name: str) -> Color | None:
    known = COLOUR_NAMES.get(name, name)
    if known is None:
        return None
    if known.startswith("bright"):
        return Color.parse(f"bright_{known.removeprefix('bright').replace('brown', 'yellow')}")
    return Color.parse(known if known.isalpha() and not _is_hex(known) else f"#{known}")


def _is_hex(name: str) -> bool:
    return len(name) == 6 and all(letter in "0123456789abcdef" for letter in name)
