"""Writes the manual pages below docs/man, and the table of completions. `make generate` runs it."""

from __future__ import annotations

from pathlib import Path

from luzia_docs.manual import completions, pages

ROOT = Path(__file__).parents[3]
MANUAL = ROOT / "docs" / "man"


def files() -> dict[Path, str]:
    """Every generated file with its contents."""
    made = {MANUAL / name: page for name, page in pages.manual().items()}
    made[ROOT / "luzia_client" / "cli" / "completion" / "data" / "commands.json"] = completions.completion_table()
    return made


if __name__ == "__main__":
    made = files()
    for path, content in made.items():
        path.write_text(content)
    for stale in set(MANUAL.glob("man*/*")) - made.keys():
        stale.unlink()
