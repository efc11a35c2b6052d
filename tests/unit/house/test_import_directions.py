"""Who may import whom: the whole house, in one table."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from unit.house.scripts import ROOT

PACKAGES = {
    "luzia_protocol": ROOT / "protocol" / "luzia_protocol",
    "luziad": ROOT / "luziad",
    "luzia_client": ROOT / "luzia_client",
}

MAY_IMPORT: dict[str, str] = {
    # the three packages; a room that is named further down has a rule of its own
    "luzia_protocol": "",
    "luzia_client": "luzia_protocol",
    "luziad": "",
    # luziad, from the top: starting it, and putting it together
    "luziad.__main__": "luziad.cli",
    "luziad.cli": (
        "luzia_protocol luziad luziad.app luziad.config luziad.errors luziad.log luziad.operations luziad.reading_cli"
        " luziad.snapshots_cli"
    ),
    "luziad.snapshots_cli": "luziad.config luziad.errors luziad.loading luziad.server luziad.store",
    "luziad.reading_cli": (
        "luzia_protocol luziad luziad.errors luziad.config luziad.core luziad.agents luziad.agents.base"
        " luziad.agents.lines luziad.agents.registry luziad.reading_view"
    ),
    "luziad.reading_view": "luzia_protocol luziad.core luziad.agents luziad.agents.base",
    "luziad.app": "everything",
    # clients' requests come in here
    "luziad.server": "luzia_protocol luziad.errors luziad.handlers",
    "luziad.handlers": (
        "luzia_protocol luziad.errors luziad.config luziad.core luziad.agents.registry luziad.view"
        " luziad.agents.lines luziad.agents.transcript"
        " luziad.operations luziad.programs luziad.scheduler luziad.watch luziad luziad.importing luziad.moments"
        " luziad.in_turns luziad.schedules luziad.zones"
    ),
    "luziad.operations": (
        "luzia_protocol luziad luziad.errors luziad.config luziad.core luziad.agents.registry luziad.limits"
        " luziad.programs luziad.versions luziad.scheduler"
    ),
    # the only writer, and the parts that it is given
    "luziad.scheduler": (
        "luzia_protocol luziad.errors luziad.core luziad.agents.base luziad.executor.base"
        " luziad.journal luziad.facts luziad.launching luziad.machine luziad.timeouts"
        " luziad.again luziad.breaches luziad.day_budgets luziad.deadlines luziad.gates luziad.policies"
        " luziad.progressing luziad.watch.stall"
        " luziad.worktrees luziad.pausing luziad.holding luziad luziad.bounds luziad.questions"
        " luziad.queues luziad.going_on"
        " luziad.moves luziad.endings luziad.intake luziad.sub_jobs luziad.yielding"
    ),
    "luziad.intake": (
        "luzia_protocol luziad.acceptance luziad.core luziad.endings luziad.in_turns luziad.journal luziad.view"
    ),
    "luziad.endings": (
        "luzia_protocol luziad.errors luziad.core luziad.agents.base luziad.executor.base"
        " luziad.journal luziad.facts luziad.launching luziad.machine luziad.view luziad.acceptance luziad.timeouts"
        " luziad.again luziad.breaches luziad.day_budgets luziad.deadlines luziad.gates luziad.policies"
        " luziad.progressing luziad.watch.stall"
        " luziad.worktrees luziad.pausing luziad luziad.bounds luziad.questions"
        " luziad.moves luziad.yielding"
    ),
    "luziad.moves": (
        "luzia_protocol luziad.core luziad.agents.base luziad.executor.base luziad.journal luziad.facts"
        " luziad.again luziad.deadlines luziad.gates"
    ),
    "luziad.questions": (
        "luzia_protocol luziad.core luziad.agents.lines luziad.executor.base luziad.facts luziad.journal"
        " luziad.launching luziad.watch"
    ),
    "luziad.yielding": "luziad.core",
    "luziad.sub_jobs": "luzia_protocol luziad.agents.base luziad.core",
    "luziad.bounds": "luzia_protocol luziad.core luziad.agents.base",
    "luziad.in_turns": "",
    "luziad.queues": "luzia_protocol luziad.core luziad.errors luziad.time_gate",
    "luziad.going_on": "luzia_protocol luziad.core luziad.queues",
    "luziad.holding": "luzia_protocol luziad.core luziad.facts luziad.gates luziad.journal luziad.time_gate",
    "luziad.pausing": ("luzia_protocol luziad.core luziad.executor.base luziad.facts luziad.journal luziad.timeouts"),
    "luziad.worktrees": "luzia_protocol luziad.core luziad.facts luziad.journal luziad.trees",
    "luziad.trees": "luzia_protocol",
    "luziad.launching": (
        "luzia_protocol luziad.config luziad.core luziad.agents.base luziad.agents.registry"
        " luziad.executor.base luziad.view"
    ),
    "luziad.judging": (
        "luzia_protocol luziad.core luziad.agents.base luziad.executor.base luziad.launching luziad.live"
    ),
    "luziad.machine": "luziad.config",
    "luziad.progressing": "luzia_protocol luziad.core luziad.facts luziad.journal",
    "luziad.live": "luzia_protocol luziad.core luziad.agents.base luziad.agents.lines luziad.watch luziad.watch.usage",
    "luziad.limits": "luziad.core luziad.config",
    "luziad.acceptance": "luzia_protocol luziad.core luziad.errors luziad.journal",
    "luziad.timeouts": "luzia_protocol luziad.core",
    "luziad.gates": "luziad.core",
    "luziad.time_gate": "luziad.core luziad.agenda luziad.moments",
    "luziad.day_budgets": (
        "luzia_protocol luziad.agents.base luziad.breaches luziad.core luziad.launching luziad.time_gate"
        " luziad.clock_timer"
    ),
    "luziad.schedules": (
        "luzia_protocol luziad.acceptance luziad.clock_timer luziad.core luziad.errors luziad.journal"
        " luziad.scheduler luziad.zones luziad"
    ),
    "luziad.zones": "luzia_protocol",
    "luziad.moments": "luziad.core luziad.supervise",
    "luziad.agenda": "luziad.core luziad.clock_timer luziad.moments",
    "luziad.deadlines": "luzia_protocol luziad.core luziad.agenda luziad.agents.base luziad.moments",
    "luziad.again": (
        "luzia_protocol luziad.core luziad.agents luziad.agents.base luziad.breaches luziad.limit_gate luziad.policies"
        " luziad.time_gate luziad.moments"
    ),
    "luziad.breaches": "luzia_protocol luziad.core luziad.agents.base",
    "luziad.limit_gate": "luziad.core luziad.time_gate luziad.clock_timer luziad.moments",
    "luziad.policies": "luzia_protocol luziad.core luziad.launching",
    "luziad.clock_timer": "",
    "luziad.facts": "luzia_protocol luziad.core luziad.agents.base luziad.journal luziad.view",
    "luziad.dependency_gate": "luzia_protocol luziad.core",
    "luziad.view": "luzia_protocol luziad.core luziad.moments",
    # what is on disk
    "luziad.journal": "luzia_protocol luziad.errors luziad.core luziad.store",
    "luziad.snapshotting": "luzia_protocol luziad.errors luziad.journal luziad.store",
    "luziad.importing": "luzia_protocol luziad.acceptance luziad.core luziad.loading luziad.scheduler",
    "luziad.loading": "luzia_protocol luziad.errors luziad.core luziad.status_files luziad.store",
    "luziad.status_files": "luzia_protocol luziad.core",
    "luziad.store": "luzia_protocol luziad.errors luziad.core",
    "luziad.watch": "luzia_protocol luziad.errors luziad.core luziad.journal luziad.store",
    "luziad.watch.stall": "luzia_protocol luziad.core luziad.watch.usage",
    "luziad.watch.usage": "luziad.supervise",
    # what runs
    "luziad.executor": "luzia_protocol luziad.errors luziad.core luziad.executor.base luziad.supervise",
    "luziad.executor.base": "luzia_protocol luziad.core",
    "luziad.supervise": "",
    # what is known and set up
    "luziad.agents": "luzia_protocol luziad.core luziad.agents.base luziad.agents.lines luziad.agents.transcript",
    "luziad.agents.base": "luzia_protocol luziad.core",
    "luziad.agents.lines": "",
    "luziad.agents.transcript": "luzia_protocol luziad.agents luziad.agents.base",
    "luziad.agents.registry": "luzia_protocol luziad.agents luziad.agents.base luziad.config",
    "luziad.config": "luzia_protocol luziad.errors luziad.core luziad.agents luziad.agents.registry",
    "luziad.core": "luzia_protocol",
    "luziad.errors": "luzia_protocol",
    "luziad.log": "",
    "luziad.open_files": "",
    "luziad.programs": "",
    "luziad.versions": "",
}
"""Room -> the rooms that it may import besides itself. A room is the longest name in this table that
a module's name begins with (`config_check` is in `config`), and `luziad` alone is the package's own __init__."""

PURE = (
    "__future__ bisect collections cronsim dataclasses datetime enum functools heapq itertools math msgspec operator re"
    " typing"
)
"""What luziad.core may import besides luzia_protocol: nothing that does I/O, reads a clock or rolls dice."""

FOREIGN: dict[str, str] = {
    "luzia_protocol": "msgspec",
    "luziad": "asyncinotify cronsim msgspec uvloop",
    "luziad.supervise": "msgspec",
    "luzia_client": "msgspec wcwidth",
    "luzia_client.cli.plots": "matplotlib",
    "luzia_client.tui": "msgspec prompt_toolkit wcwidth",
}
"""Package or room -> what it may import that is neither ours nor in the standard library."""


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of ours: its dotted name and its file."""
    for package, directory in PACKAGES.items():
        for path in sorted(directory.rglob("*.py")):
            parts = path.relative_to(directory).with_suffix("").parts
            yield ".".join((package, *(part for part in parts if part != "__init__"))), path


MODULES = dict(modules())


def imports(path: Path) -> Iterator[str]:
    """The dotted names that a file imports, anywhere in it; a module from a package is named whole."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            base = node.module or ""
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield whole if whole in MODULES else base


def longest(name: str, table: dict[str, str]) -> str:
    """The longest key of `table` that `name` is, or is inside of."""
    name = name.replace("luziad.config_", "luziad.config.")
    return max((key for key in table if name == key or name.startswith(key + ".")), key=len)


def is_ours(name: str) -> bool:
    """Whether a dotted name is in one of our packages."""
    return name.split(".")[0] in PACKAGES


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_its_room_may(module: str) -> None:
    room = longest(module, MAY_IMPORT)
    allowed = {room, *MAY_IMPORT[room].split()}
    if "everything" in allowed:
        return
    ours = filter(is_ours, imports(MODULES[module]))
    wrong = {name for name in ours if longest(name, MAY_IMPORT) not in allowed}
    assert not wrong, f"{module} is in the room {room}, which may not import {sorted(wrong)}"


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_the_libraries_of_its_package(module: str) -> None:
    allowed = set(FOREIGN[longest(module, FOREIGN)].split())
    used = {name.split(".")[0] for name in imports(MODULES[module]) if not is_ours(name)}
    assert used - sys.stdlib_module_names <= allowed


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("luziad.core")])
def test_the_core_is_pure(module: str) -> None:
    used = {name.split(".")[0] for name in imports(MODULES[module]) if not is_ours(name)}
    assert used <= set(PURE.split())


def test_adapters_do_not_import_one_another() -> None:
    registered = set(imports(MODULES["luziad.agents.registry"]))
    adapters = {name for name in registered & MODULES.keys() if longest(name, MAY_IMPORT) == "luziad.agents"}
    assert adapters
    for adapter in adapters:
        assert not adapters & set(imports(MODULES[adapter])), adapter


def test_nobody_imports_the_composition_root_but_the_command_line() -> None:
    importers = {name for name, path in MODULES.items() if "luziad.app" in imports(path)}
    assert importers <= {"luziad.cli", "luziad.__main__"}


def test_full_screens_are_loaded_only_when_their_command_is_run() -> None:
    for name, path in MODULES.items():
        if name.startswith("luzia_client.tui"):
            continue
        begins = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
        loaded = {alias.name for node in begins for alias in node.names}
        loaded |= {node.module or "" for node in begins if isinstance(node, ast.ImportFrom)}
        assert not any(other.startswith(("luzia_client.tui", "prompt_toolkit")) for other in loaded), name


def test_every_rule_is_about_a_room_that_is_there() -> None:
    for room in MAY_IMPORT:
        assert any(name == room or name.startswith(room + ".") for name in MODULES), room
