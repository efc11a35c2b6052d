"""Parts of the daemon get what they need when they are constructed; nothing sets it from outside afterwards."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import ROOT

PACKAGE = ROOT / "luziad"
FOREIGN = {"_srcfile", "argtypes", "daemon", "logMultiprocessing", "logProcesses", "logThreads"}
"""Attributes of objects of the standard library that have no other way to be set."""


def parsed() -> dict[Path, ast.Module]:
    paths = [*PACKAGE.rglob("*.py"), *(ROOT / "protocol" / "luzia_protocol").rglob("*.py")]
    return {path: ast.parse(path.read_text()) for path in sorted(paths)}


TREES = parsed()


def fields(node: ast.ClassDef) -> Iterator[str]:
    """The fields of a struct, or the slots of a class."""
    is_struct = any(ast.unparse(base).endswith(("Struct", "Base")) for base in node.bases)
    for each in node.body:
        if is_struct and isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            yield each.target.id
        elif isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "__slots__":
            yield from ast.literal_eval(each.value)


def data(path: Path) -> set[str]:
    """The attributes that code in this file may set: fields of structs, and slots of classes in its own package."""
    found = set(FOREIGN)
    for other, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                is_struct = any(ast.unparse(base).endswith(("Struct", "Base")) for base in node.bases)
                if is_struct or other.parent == path.parent:
                    found.update(fields(node))
    return found


def outside(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The lines and names of attributes that are set on another object than self and cls."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
            if not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")):
                yield node.lineno, node.attr
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("setattr", "delattr", "object.__setattr__"):
            yield node.lineno, ast.unparse(node.func)


@pytest.mark.parametrize("path", [path for path in TREES if PACKAGE in path.parents], ids=lambda path: path.stem)
def test_only_data_is_set_from_outside(path: Path) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {name}" for line, name in outside(TREES[path]) if name not in data(path)
    ]
    assert not wrong, "give it at construction, as an argument, or through an observer: " + ", ".join(wrong)


def test_what_is_set_from_outside_is_found() -> None:
    code = "queues.pump = start\nself.a.b += 1\nself.c = 2\nsetattr(x, 'y', 3)\n(z.one, two) = 4, 5"
    assert sorted(outside(ast.parse(code))) == [(1, "pump"), (2, "b"), (4, "setattr"), (5, "one")]


def test_no_class_of_the_scheduler_is_split_by_inheritance() -> None:
    """A part derives from an interface only: one without any state or behaviour of its own."""
    interfaces = {"JobObserver", "Gate", "Protocol", "ABC", "NamedTuple", "Generic", "Exception", "StrEnum"}
    for path, tree in TREES.items():
        if not path.is_relative_to(PACKAGE / "scheduling"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                bases = {ast.unparse(base).partition("[")[0] for base in node.bases}
                structs = {"msgspec.Struct", "Queues"}  # data may extend data
                assert bases <= interfaces | structs, f"{path}: {node.name}"
