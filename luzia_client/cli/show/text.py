"""Untrusted text made safe for a terminal, and measured, cut and padded by display width."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re

UNSAFE = "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufff9-\ufffb]"
"""C0 and C1 controls, DEL, bidirectional and line-breaking characters, and surrogates, as a regular expression."""

_OUR_OWN = str.maketrans("…█░✓✗·", "......")
"""Characters of luzia's own screens, each one column wide: they need no wcwidth."""

_EMOJI_PARTS: dict[int, int | None] = {
    **dict.fromkeys((0x200D, 0x20E3, *range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400), *range(0xE0020, 0xE0080))),
    **{0x1F1E6 + letter: ord("A") + letter for letter in range(26)},
}
"""Joiners, variation selectors, skin tones and tags are omitted; two regional indicators are a flag."""


def harmless(text: str) -> str:
    """The text with every control character made visible: ESC as `^[`, others likewise."""
    if text.isprintable():
        return text
    import re  # slow to load, and most text needs no change

    return re.sub(UNSAFE, _shown, text)


def harmless_json(text: str) -> str:
    """JSON with the same value in which every control character is escaped: JSON itself permits C1 and DEL."""
    if text.isprintable():
        return text
    import re

    return re.sub(UNSAFE, lambda match: f"\\u{ord(match[0]):04x}", text)


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return f"^{chr(code + 64)}"
    if code == 0x7F:
        return "^?"
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name or an argument that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def one_line(text: str, limit: int = 200) -> str:
    """The first line that is not blank, with controls made visible, at most `limit` characters."""
    head = text.lstrip()[: limit + 1]
    line = head.splitlines()[0] if head else ""
    line = line.expandtabs(1).rstrip()
    if len(line) > limit:
        line = line[: limit - 1] + "…"
    return harmless(line)


def separate_emoji(text: str) -> str:
    """The text with emoji that are sequences replaced by their parts, and flags by letters.

    Terminals disagree about the width of a sequence, and a row that is wider than computed corrupts the screen.
    """
    return text if text.isascii() else text.translate(_EMOJI_PARTS)


def width(text: str) -> int:
    """The number of columns that the text takes on a terminal."""
    if text.isascii() or text.translate(_OUR_OWN).isascii():
        return len(text)
    from wcwidth import wcswidth

    return max(wcswidth(text), 0)


def cut(text: str, columns: int) -> str:
    """The text cut to at most `columns` columns, ending with `…` if anything is left out."""
    if columns <= 0:
        return ""
    # A longer text cannot fit; this bounds the search below.
    if width(text[: columns * 8 + 8]) <= columns and len(text) <= columns * 8 + 8:
        return text
    if text.isascii():
        return text[: columns - 1] + "…"
    best = ""
    for end in range(1, min(len(text), columns * 8) + 1):
        head = text[:end]
        if width(head) > columns - 1:
            break
        best = head
    return best + "…"


def pad(text: str, columns: int) -> str:
    """The text cut or padded with spaces to exactly `columns` columns."""
    shown = cut(text, columns)
    return shown + " " * (columns - width(shown))


def wrap(text: str, columns: int, separator: str = " ") -> list[str]:
    """The text in lines of at most `columns` columns, divided after separators, and inside of words that are longer.

    A separator that is not a space stays at the end of its line.
    """
    lines, line = [], ""
    kept = separator.strip()
    words = text.split(separator)
    for number, word in enumerate(words, 1):
        piece = word + (kept if number < len(words) else "")
        joint = separator if line and not kept else ""
        if line and width(line + joint + piece) > columns:
            lines.append(line)
            line, joint = "", ""
        line += joint + piece
        while width(line) > columns:
            head = cut(line, columns + 1)[:-1]
            lines.append(head)
            line = line[len(head) :]
    return [*lines, line]


def hang(head: str, text: str, columns: int | None, indent: int, taken: int | None = None) -> list[str]:
    """The text behind `head`, continued below it, indented, where the terminal ends; None: there is no terminal.

    taken: the columns of a head that has colours, and otherwise as many as it has. A text with a word that has no room
    in a line stays whole: a path must remain one word when it is copied.
    """
    taken = width(head) if taken is None else taken
    room = None if columns is None else columns - max(indent, taken)
    if room is None or taken + width(text) <= columns or any(width(word) > room for word in text.split()):  # type: ignore[operator]
        return [head + text]
    first, *others = (line.rstrip() for line in wrap(text, room))
    return [head + first, *(" " * indent + line for line in others)]


def format_quantity(count: int, noun: str) -> str:
    """`1 job`, `3 jobs`, `1,200 jobs`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
