"""Text of strangers cannot steer the terminal: in tasks, output, names and labels, on every screen."""

from __future__ import annotations

import re
from pathlib import Path

from acceptance.test_followers import Terminal
from private_luzia import PrivateLuzia, private_luzia

EVIL = (
    "\x1b]0;owned\x07 \x1b[2J\x1b[H \x1b[31mred \x1b[?1049h \x9b2J \u202egnp.exe \x08\x7f \x1bc \x1b]8;;http://x\x1b\\"
)
OURS = re.compile(r"\x1b\[[0-9;:]*m|\x1b\[\?(25|7)[hl]")
"""What luzia itself sends: colours, the cursor shown or not, long lines wrapped or not."""
STEERING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def shown(luzia: PrivateLuzia, *words: str) -> str:
    """What the command sends to a terminal, without what luzia may send."""
    terminal = Terminal(luzia, *words, columns=200)
    try:
        terminal.end()
        return OURS.sub("", terminal.written.decode())
    finally:
        terminal.close()


def test_escape_sequences_are_harmless_in_every_table_and_in_logs() -> None:
    with private_luzia() as luzia:
        evil = Path(luzia.root, "evil.txt")
        evil.write_text(f"{EVIL}\n")
        with luzia.client() as client:
            task = f"cat {evil}; cat {evil} >&2; exit 3 # {EVIL}"
            job = client.dispatch(luzia.project, task, agent="shell", env={"NAME": EVIL}, key=f"key {EVIL}").job
            gated = client.dispatch(luzia.project, f"read line < {luzia.root}/none; : {EVIL}", agent="shell").job
            client.wait([job, gated])
        for words in (
            ("jobs", "--all"),
            ("jobs", job),
            ("jobs", gated),
            ("logs", job),
            ("wait", job),
            ("projects",),
            ("daemon", "status"),
            ("retry", EVIL.replace("\x00", "")),
            ("dispatch", "--agent", EVIL, luzia.project, "x"),
        ):
            text = shown(luzia, *words)
            assert text.strip(), words
            assert STEERING.findall(text.replace("\r\n", "\n").replace("\r", "")) == [], words
        piped = luzia.run("jobs", "--all").stdout.decode()
        assert STEERING.findall(piped) == []
        assert "\x1b" not in piped
