"""The libraries of the page are those that were checked in, with their licences, and the page loads nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import re

import pytest

from luzia_client.web.app import STATIC

VENDOR = STATIC / "vendor"
MANIFEST = json.loads((VENDOR / "vendor.json").read_text())
SCRIPTS = sorted(path for path in STATIC.rglob("*.js") if VENDOR not in path.parents)


@pytest.mark.parametrize("name", MANIFEST)
def test_a_library_has_the_hash_and_the_licences_of_its_manifest(name: str) -> None:
    content = (VENDOR / name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == MANIFEST[name]["sha256"]
    licences = (VENDOR / "LICENCES").read_text()
    for package in MANIFEST[name]["packages"]:
        assert package["license"] in ("MIT", "Apache-2.0")
        assert f"{package['name']} {package['version']}\n" in licences
        assert package["version"].encode() in content[:400]


def test_every_library_is_in_the_manifest() -> None:
    files = {path.name for path in VENDOR.iterdir()} - {"vendor.json", "LICENCES"}
    assert files == set(MANIFEST)


@pytest.mark.parametrize("path", SCRIPTS, ids=[str(path.relative_to(STATIC)) for path in SCRIPTS])
def test_a_module_imports_files_that_are_there_and_makes_no_html_of_text(path: object) -> None:
    script = STATIC / str(path)
    text = script.read_text()
    for imported in re.findall(r'from "([^"]+)"', text):
        assert (script.parent / imported).is_file(), imported
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|https?://", text
    )


def test_the_page_loads_only_its_own_files_and_has_no_inline_script() -> None:
    page = (STATIC / "index.html").read_text()
    for reference in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert (STATIC / reference.lstrip("/")).is_file(), reference
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=", page)


def imported(name: str, found: set[str]) -> set[str]:
    """The module and all that it imports, directly or not, before it runs."""
    if name not in found:
        found.add(name)
        text = (STATIC / name).read_text()
        for reference in re.findall(r'^import [^;]*?from "([^"]+)";', text, re.MULTILINE):
            imported(os.path.normpath(os.path.join(os.path.dirname(name), reference)), found)
    return found


def test_what_the_first_screen_needs_is_requested_at_once_and_nothing_else() -> None:
    page = (STATIC / "index.html").read_text()
    requested = re.findall(r'<link rel="modulepreload" href="/([^"]+)">', page)
    scripts = re.findall(r'<script type="module"[^>]* src="/([^"]+)"', page)
    assert sorted(requested + scripts) == sorted(imported("main.js", set()))


def test_every_module_is_part_of_the_page() -> None:
    later = re.findall(r'import\("\./([^"]+)"\)', (STATIC / "main.js").read_text())
    found = imported("main.js", set())
    for name in later:
        imported(name, found)
    classic = re.findall(r'<script src="/([^"]+)"', (STATIC / "index.html").read_text())
    assert found | {*classic} == {str(path.relative_to(STATIC)) for path in STATIC.rglob("*.js")}
