"""The commands of the page "As a service" are run by the booted tests, all of them."""

from __future__ import annotations

import ast

from booted import page, run
from unit.house.scripts import ROOT

BOOTED = ROOT / "tests" / "booted"
MODULES = {name for boot in (*run.BOOTS, run.RPM_MODULES) for name in boot}
"""The modules of the guest that `make test-systemd` runs."""


def blocks_that_are_run() -> set[tuple[str, int]]:
    """The section and the number of each block that the booted tests run, by their calls of `follow`."""
    paths = [*BOOTED.glob("*.py"), *(BOOTED / "guest" / f"{name}.py" for name in (*MODULES, "checks"))]
    calls = [node for path in paths for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    found = set()
    for call in calls:
        if getattr(call.func, "id", getattr(call.func, "attr", None)) == "follow":
            title, number = (*(ast.literal_eval(each) for each in call.args), 1)[:2]
            found.add((title, number))
    return found


def test_every_block_of_the_page_is_run_and_no_other() -> None:
    written = {(title, number) for title, blocks in page.read_blocks().items() for number in range(1, len(blocks) + 1)}
    assert len(written) > 10
    assert blocks_that_are_run() == written


def test_every_block_of_the_page_is_in_the_language_of_a_shell() -> None:
    text = page.PAGE.read_text()
    assert {language for language, _ in page.FENCE.findall(text)} == {"sh"}
    assert text.count("```") == 2 * sum(map(len, page.read_blocks().values()))
