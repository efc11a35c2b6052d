"""Who may import whom: a table of packages, no cycle anywhere, and what a pure module does without."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection

import pytest

from luzia_docs.packages import DIRECTORIES, IMPORTED, MODULES, read_docstring, read_imports

MAY_IMPORT: dict[str, str] = {
    "luzia_protocol": "",
    # the daemon, from the bottom to the top
    "luziad.errors": "luzia_protocol",
    "luziad.log": "",
    "luziad.turns": "",
    "luziad.supervise": "",
    "luziad.clocks": "luzia_protocol luziad.supervise",
    "luziad.jobs": "luzia_protocol luziad.errors luziad.clocks",
    "luziad.agents": "luzia_protocol luziad.jobs",
    "luziad.config": "luzia_protocol luziad.errors luziad.agents luziad.jobs luziad.supervise",
    "luziad.store": "luzia_protocol luziad.errors luziad.jobs luziad.supervise",
    "luziad.journal": "luzia_protocol luziad.errors luziad.supervise luziad.jobs luziad.store",
    "luziad.output": "luziad.errors luziad.supervise",
    "luziad.worktrees": "luzia_protocol luziad.supervise",
    "luziad.executor": "luzia_protocol luziad.errors luziad.jobs luziad.supervise",
    "luziad.executor.ray": (
        "luzia_protocol luziad.errors luziad.jobs luziad.supervise luziad.worktrees luziad.executor"
    ),
    "luziad.attempts": (
        "luzia_protocol luziad.agents luziad.clocks luziad.config luziad.executor luziad.jobs luziad.journal"
        " luziad.output luziad.supervise luziad.worktrees"
    ),
    "luziad.scheduling": (
        "luzia_protocol luziad.errors luziad.log luziad.agents luziad.attempts luziad.clocks luziad.config"
        " luziad.executor luziad.jobs luziad.journal luziad.supervise luziad.turns"
    ),
    "luziad.schedules": "luzia_protocol luziad.errors luziad.clocks luziad.jobs luziad.journal luziad.scheduling",
    "luziad.operations": (
        "luzia_protocol luziad.errors luziad.agents luziad.config luziad.jobs luziad.journal luziad.scheduling"
        " luziad.supervise"
    ),
    "luziad.fulltext": (
        "luzia_protocol luziad.errors luziad.agents luziad.executor luziad.jobs luziad.output luziad.store"
        " luziad.supervise"
    ),
    "luziad.handlers": (
        "luzia_protocol luziad.errors luziad.agents luziad.clocks luziad.config luziad.fulltext luziad.jobs"
        " luziad.journal luziad.operations luziad.output luziad.schedules luziad.scheduling"
    ),
    "luziad.server": "luzia_protocol luziad.errors luziad.handlers luziad.jobs luziad.turns",
    "luziad.tools": (
        "luzia_protocol luziad.errors luziad.agents luziad.config luziad.jobs luziad.journal luziad.server luziad.store"
        " luziad.supervise"
    ),
    "luziad.app": "everything",
    "luziad.cli": "luzia_protocol luziad.app luziad.config luziad.errors luziad.log luziad.tools",
    "luziad.__main__": "luziad.cli",
    # the client
    "luzia_client.hosts": "luzia_protocol",
    "luzia_client.transport": "luzia_protocol luzia_client.hosts",
    "luzia_client.trees": "luzia_protocol",
    "luzia_client.api": "luzia_protocol luzia_client.transport",
    "luzia_client.review": "luzia_protocol luzia_client.hosts luzia_client.api luzia_client.trees",
    "luzia_client": "luzia_protocol luzia_client.api luzia_client.transport",
    "luzia_client.cli": (
        "luzia_protocol luzia_client luzia_client.hosts luzia_client.api luzia_client.transport luzia_client.trees"
    ),
    "luzia_client.http": "",
    "luzia_client.mcp": "",
    "luzia_client.mcp.relay": "luzia_protocol luzia_client.transport luzia_client.mcp",
    "luzia_client.mcp.hub": (
        "luzia_protocol luzia_client.api luzia_client.transport luzia_client.trees luzia_client.cli"
        " luzia_client.http luzia_client.mcp luzia_client.mcp.relay luzia_client.review"
    ),
    "luzia_client.mcp.setup": "luzia_client.cli luzia_client.mcp",
    "luzia_client.tui": (
        "luzia_protocol luzia_client luzia_client.hosts luzia_client.api luzia_client.transport luzia_client.trees"
        " luzia_client.review luzia_client.cli"
    ),
    "luzia_client.notify": "luzia_protocol luzia_client.api luzia_client.transport luzia_client.trees",
    "luzia_client.metrics": "luzia_protocol luzia_client.api luzia_client.transport luzia_client.notify",
    "luzia_client.web": (
        "luzia_protocol luzia_client.hosts luzia_client.api luzia_client.transport luzia_client.trees"
        " luzia_client.notify luzia_client.http luzia_client.review"
    ),
    "luzia_client.cli.commands": (
        "luzia_protocol luzia_client luzia_client.hosts luzia_client.api luzia_client.transport luzia_client.trees"
        " luzia_client.cli luzia_client.tui luzia_client.metrics luzia_client.notify luzia_client.mcp"
        " luzia_client.mcp.relay"
        " luzia_client.mcp.hub luzia_client.mcp.setup luzia_client.web luzia_client.review"
    ),
    "luzia_client.native": (
        "luzia_protocol luzia_client.api luzia_client.transport luzia_client.cli luzia_client.cli.commands"
    ),
    "luzia_client.cli.main": "luzia_client.cli luzia_client.cli.commands luzia_client.native luzia_client.mcp.relay",
    "luzia_client.legacy": "luzia_protocol luzia_client luzia_client.api luzia_client.transport luzia_client.cli",
}
"""Package -> the packages that it may import besides itself, from the bottom to the top: each names earlier rows only.

A package has what is below it, unless that has a row of its own: `luzia_client` is the module that a user imports.
`everything` is for what puts the parts together.
"""

FOREIGN: dict[str, str] = {
    "luzia_protocol": "msgspec",
    "luziad": "asyncinotify cronsim jmespath msgspec uvloop",
    "luziad.supervise": "msgspec",
    "luziad.executor.ray.actor": "msgspec ray",
    "luziad.executor.ray.bridge": "msgspec ray",
    "luziad.executor.ray.following": "msgspec ray",
    "luzia_client": "msgspec wcwidth",
    "luzia_client.cli.configuration": "tomlkit",
    "luzia_client.cli.show.plots": "matplotlib",
    "luzia_client.http": "uvicorn",
    "luzia_client.metrics": "msgspec prometheus_client",
    "luzia_client.metrics.otlp": "opentelemetry prometheus_client requests",
    "luzia_client.notify": "msgspec",
    "luzia_client.notify.sender": "apprise msgspec",
    "luzia_client.native.build_hook": "hatchling",
    "luzia_client.tui": "msgspec prompt_toolkit wcwidth",
    "luzia_client.tui.review.highlight": "pygments",
    "luzia_client.mcp.relay": "",
    "luzia_client.mcp.hub": "anyio mcp mcp_types msgspec pydantic starlette uvicorn",
    "luzia_client.web": "asyncinotify msgspec starlette uvicorn",
}
"""Package or module -> what it may import that is neither ours nor in the standard library."""

IMPURE = {"asyncio", "os", "pathlib", "random", "selectors", "signal", "socket", "subprocess", "threading", "time"}
"""What a module that calls itself pure does without: it does no I/O, reads no clock and rolls no dice."""


ROWS = MAY_IMPORT | {"luziad": ""}


def longest(name: str, table: dict[str, str]) -> str:
    """The longest key of `table` that `name` is, or is inside of."""
    return max((key for key in table if name == key or name.startswith(key + ".")), key=len)


@pytest.mark.parametrize("module", [name for name in MODULES if name != "luziad"])
def test_a_module_imports_only_what_its_package_may(module: str) -> None:
    package = longest(module, MAY_IMPORT)
    allowed = {package, *MAY_IMPORT[package].split()}
    if "everything" in allowed:
        return
    wrong = {name for name in IMPORTED[module] if longest(name, MAY_IMPORT) not in allowed}
    assert not wrong, f"{module} is in {package}, which may not import {sorted(wrong)}"


def test_the_table_goes_from_the_bottom_to_the_top() -> None:
    rows = list(MAY_IMPORT)
    for package, allowed in MAY_IMPORT.items():
        if allowed != "everything":
            assert set(allowed.split()) <= set(rows[: rows.index(package)]), package


def test_there_is_no_cycle_of_modules() -> None:
    assert cycle(IMPORTED) is None


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_there_is_no_cycle_of_packages_inside_of_one(package: str) -> None:
    inside = [name for name in MODULES if longest(name, ROWS) == package]
    for parent in {name.rpartition(".")[0] for name in inside if name != package}:
        assert cycle(siblings(parent, inside)) is None, f"below {parent}"


def siblings(parent: str, among: Collection[str]) -> dict[str, set[str]]:
    """Which of the modules and packages directly below `parent` import which others of them."""
    depth = parent.count(".") + 2
    below = [name for name in among if name.startswith(parent + ".")]
    part = {name: ".".join(name.split(".")[:depth]) for name in below}
    found: dict[str, set[str]] = {}
    for name in below:
        found.setdefault(part[name], set()).update({part[other] for other in IMPORTED[name] if other in part})
    return {node: others - {node} for node, others in found.items()}


def cycle(graph: dict[str, set[str]]) -> list[str] | None:
    """A cycle in the graph, if it has one."""
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str] | None:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return None
        for other in sorted(graph.get(node, ())):
            if found := visit(other, [*path, node]):
                return found
        done.add(node)
        return None

    return next((found for node in graph if (found := visit(node, []))), None)


def test_a_cycle_is_found() -> None:
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
    assert cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) is None


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_the_libraries_of_its_package(module: str) -> None:
    allowed = set(FOREIGN[longest(module, FOREIGN)].split())
    used = {name.split(".")[0] for name in read_imports(MODULES[module]) if name.split(".")[0] not in DIRECTORIES}
    assert used - sys.stdlib_module_names <= allowed


PURE = [name for name, path in MODULES.items() if re.search(r"\bPure\b", read_docstring(path))]


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_does_no_io_and_reads_no_clock(module: str) -> None:
    assert not {name.split(".")[0] for name in read_imports(MODULES[module])} & IMPURE
    assert not re.search(r"\.(now|utcnow|today)\(", MODULES[module].read_text())


def test_the_decisions_of_the_daemon_are_pure() -> None:
    ready = {name for name in MODULES if name.startswith("luziad.scheduling.ready.")}
    assert {*ready, "luziad.jobs.lifecycle", "luziad.jobs.table", "luziad.scheduling.retry.backoff"} <= set(PURE)


def test_every_package_says_what_is_in_it() -> None:
    for name, path in MODULES.items():
        if path.name == "__init__.py":
            assert read_docstring(path), name
            there = {each.stem for each in path.parent.iterdir() if each.suffix in ("", ".py")}
            named = re.findall(r"`([a-z_]+)`", re.sub(r"`luziad?( [^`]*)?`", "", read_docstring(path)))
            assert set(named) <= there | {"luzia_client", "follow"}, name  # a module above, a command


def test_adapters_do_not_import_one_another() -> None:
    registered = IMPORTED["luziad.agents.registry"]
    shared = {"luziad.agents.base", "luziad.agents.template"}
    adapters = {name for name in registered if longest(name, MAY_IMPORT) == "luziad.agents"} - shared
    assert adapters
    for adapter in adapters:
        assert not adapters & IMPORTED[adapter], adapter


def test_full_screens_are_loaded_only_when_their_command_is_run() -> None:
    for name, path in MODULES.items():
        if name.startswith("luzia_client.tui"):
            continue
        begins = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
        loaded = {alias.name for node in begins for alias in node.names}
        loaded |= {node.module or "" for node in begins if isinstance(node, ast.ImportFrom)}
        assert not any(other.startswith(("luzia_client.tui", "prompt_toolkit")) for other in loaded), name


def test_the_web_server_is_loaded_only_when_its_command_is_run() -> None:
    for name, path in MODULES.items():
        if name.startswith(("luzia_client.web", "luzia_client.http", "luzia_client.mcp.hub")):
            continue
        begins = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
        loaded = {alias.name for node in begins for alias in node.names}
        loaded |= {node.module or "" for node in begins if isinstance(node, ast.ImportFrom)}
        servers = ("luzia_client.web", "luzia_client.http", "starlette", "uvicorn")
        assert not any(other.startswith(servers) for other in loaded), name


def test_every_rule_is_about_a_package_that_is_there() -> None:
    for package in MAY_IMPORT:
        assert any(name == package or name.startswith(package + ".") for name in MODULES), package
