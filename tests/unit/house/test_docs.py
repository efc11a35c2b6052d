"""The documentation is up to date where it is generated, complete, and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from luzia_protocol import environment

from luzia_client.cli import exit_codes
from luzia_client.cli.args.command_line import COMMANDS
from luziad.attempts import environment as job_environment
from luziad.jobs.lifecycle import TRANSITIONS
from unit.house.scripts import ROOT, load

GENERATE = load("docs/luzia_docs/generate.py")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("protocol/*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """The fragments that a page's headings can be linked by."""
    headings = re.findall(r"^#+ (.+)$", CODE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(CODE.sub("", page.read_text())):
        if link.startswith("https://"):
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not fragment or fragment in anchors(target), link


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.parent.name == "docs"], ids=[n for n in NAMES if "docs/" in n]
)
def test_the_index_names_every_page(page: Path) -> None:
    index = ROOT / "docs" / "index.md"
    assert page == index or f"]({page.name})" in index.read_text()


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_command_that_a_page_names_is_there(page: Path) -> None:
    example_projects = {"overbits", "website"}
    code = "\n".join(span for span in CODE.findall(page.read_text()) if not span.startswith("```text"))
    named = set(re.findall(r"(?:^|[`\s;&(])luzia ([a-z]+(?:-[a-z]+)*)\b", code))
    assert named <= COMMANDS.keys() | example_projects


def test_every_command_stands_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text()
    assert [name for name in COMMANDS if f"luzia {name}" not in text] == []


def test_the_error_page_is_up_to_date() -> None:
    assert (ROOT / "docs" / "errors.md").read_text() == GENERATE.errors_page(), "run `make generate`"


@pytest.mark.parametrize("name", GENERATE.PARTS)
def test_the_generated_parts_of_a_page_are_up_to_date(name: str) -> None:
    page = (ROOT / "docs" / name).read_text()
    assert page == GENERATE.updated_page(name, page), "run `make generate`"


def test_the_diagram_shows_every_transition() -> None:
    lifecycle = GENERATE.lifecycle()
    for (state, trigger), target in TRANSITIONS.items():
        row = next(line for line in lifecycle.splitlines() if line.startswith(f"| `{state}` |"))
        assert f"{trigger} → `{target}`" in row or (trigger == target.value and f"`{target}`" in row)


def test_the_table_of_exit_codes_has_them_all() -> None:
    codes = {value for name, value in vars(exit_codes).items() if name.isupper() and isinstance(value, int)}
    shown = re.findall(r"^(\d+) ", GENERATE.errors_page(), re.MULTILINE)
    assert {int(code) for code in shown} == codes


def test_the_readme_has_a_place_for_the_figures() -> None:
    assert re.search(r"<!-- figures -->.*<!-- /figures -->", (ROOT / "README.md").read_text(), re.DOTALL)


def test_the_comparison_has_every_program_that_is_measured_and_says_where_it_is_better() -> None:
    page = (ROOT / "docs/comparison.md").read_text()
    summary, better, queues, *_ = re.split(r"^## ", page, flags=re.MULTILINE)[1:]
    measured = re.findall(r'^    name = "([^"]+)"$', (ROOT / "tests/bench/rivals.py").read_text(), re.MULTILINE)
    assert {"luzia", "pueue", "task-spooler", "nq", "at", "HyperQueue"} <= {*measured}
    header = queues.splitlines()[2]
    assert [name for name in measured if f" {name} " not in header] == []
    for name in (*measured[1:], "dagu"):
        assert re.search(rf"\b{name}\b", better), name
        assert name in summary


@pytest.mark.parametrize(
    "file", ["Makefile", ".ci/luzia_packages/debian/postinst", ".ci/luzia_packages/rpm/luzia.spec"]
)
def test_what_installs_luzia_compiles_its_modules(file: str) -> None:
    """Otherwise they are compiled at every start where nothing may be written; `pip install` compiles by itself."""
    assert re.search(
        r"^\s*\S*python3? -m compileall -q .*(luzia_client|/usr/lib/luzia/lib)", (ROOT / file).read_text(), re.M
    )


def test_every_variable_of_ours_is_described() -> None:
    sources = (path for package in ("luziad", "luzia_client", "protocol") for path in (ROOT / package).rglob("*.py"))
    named = {name for path in sources for name in re.findall(r'"(LUZIA_[A-Z_]*[A-Z])"', path.read_text())}
    assert "LUZIA_SOCKET" in named
    described = (ROOT / "docs" / "configuration.md").read_text()
    assert [name for name in sorted(named) if f"`{name}`" not in described] == []


def test_the_variables_that_a_job_inherits_are_described() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    (daemons,) = re.findall(r"^\| the daemon's own environment \|(.*)\|$", page, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", daemons)) == {*job_environment.BASE_VARIABLES, *job_environment.BASE_PREFIXES}
    (callers,) = re.findall(r"^\| the shell that dispatches \|(.*)\|$", page, re.MULTILINE)
    lower = {name.lower() if name.endswith("_PROXY") else name for name in environment.INHERITED_VARIABLES}
    assert set(re.findall(r"`(\w+)`", callers)) == lower | {"LC_"}
