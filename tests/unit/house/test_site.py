"""The documentation builds as a site without a warning, is complete, and asks nobody else for anything."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from luzia_protocol import requests

from luzia_client.cli.args.command_line import COMMANDS
from luzia_docs.site import pages
from luzia_docs.site.docstrings import parse_docstring
from luziad.config import schema


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "luzia_docs.site.build", str(target)]
    done = subprocess.run(command, cwd=pages.ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return target / "html"


def test_every_page_is_in_the_list_of_pages(site: Path) -> None:
    index = (site / "index.html").read_text()
    names = {page.stem for page in (pages.ROOT / "docs").glob("*.md")} - {"index"}
    assert {"quick-start", "errors"} <= names
    assert [name for name in sorted(names) if f'href="{name}.html"' not in index] == []


def test_every_command_stands_in_the_reference(site: Path) -> None:
    page = (site / "reference-commands.html").read_text()
    headings = re.findall(r"<h3>luzia ([a-z-]+)", page)
    assert sorted(headings) == sorted(COMMANDS)


def test_every_setting_stands_in_the_reference_with_its_meaning(site: Path) -> None:
    page = (site / "reference-configuration.html").read_text()
    for struct in (schema.DaemonConfig, schema.ProjectConfig, schema.AgentConfig):
        names = [field.name for field in msgspec.structs.fields(struct)]
        meant = parse_docstring(struct.__doc__, names).fields
        assert [name for name in names if not meant.get(name)] == []
        assert [name for name in names if f">{name}<" not in page] == []


def test_every_op_stands_in_the_reference(site: Path) -> None:
    page = (site / "reference-protocol.html").read_text()
    ops = [str(struct.__struct_config__.tag) for struct in requests.Request.__args__]
    assert "dispatch" in ops
    assert [op for op in ops if f">{op}<" not in page] == []


def test_every_method_of_the_client_stands_in_the_reference(site: Path) -> None:
    page = (site / "reference-python.html").read_text()
    assert 'id="luzia_client.Client.dispatch"' in page
    assert 'id="luzia_client.AsyncClient.dispatch"' in page


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    loaded = re.compile(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"(?:https?:)?//|<link\b[^>]*href=\"(?:https?:)?//")
    found = [page.name for page in site.glob("*.html") if loaded.search(page.read_text())]
    assert found == []


def test_a_docstring_is_taken_apart_at_its_fields() -> None:
    text = """What it is, in words.

    first: the one; see there: that is no field. second, third: both
    of them.
    """
    parsed = parse_docstring(text, ["first", "second", "third"])
    assert parsed.description == "What it is, in words."
    assert parsed.fields == {
        "first": "the one; see there: that is no field.",
        "second": "both of them.",
        "third": "both of them.",
    }
