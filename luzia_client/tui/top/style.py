"""The colours of `luzia top`: only those of the terminal's own theme, which suit light and dark ones."""

from __future__ import annotations

from prompt_toolkit.styles import Style

from luzia_client.cli.show.formatting import STATE_COLOURS

_COLOURS = {
    "red": "ansired",
    "green": "ansigreen",
    "yellow": "ansiyellow",
    "blue": "ansiblue",
    "magenta": "ansimagenta",
    "cyan": "ansicyan",
    "dim": "dim",
}

STYLE = Style.from_dict(
    {
        **{state.value: _COLOURS[colour] for state, colour in STATE_COLOURS.items()},
        "header": "reverse bold",
        "titles": "dim",
        "selected": "reverse",
        "heading": "underline",
        "heading-focus": "underline bold",
        "keys": "dim",
        "dim": "dim",
        "filter": "bold",
        "message": "bold",
        "choice": "bold ansiyellow",
    }
)
