"""`luzia projects add` and `remove` change config.toml and nothing else in it."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path

import pytest

from luzia_protocol.errors import ErrorCode, Refused

from luziad.config.edit import add_project, remove_project
from luziad.errors import ConfigError

BOTH = """# top

[projects.a] # the first
path = "/a"
# inside

[projects.a.env]
X = "1"

# about agents
[agents.mine]
command = ["x", "{task}"]

[projects.b]
path = "/b" # the second
# the end
"""


def names(file: Path) -> set[str]:
    """The projects in a file."""
    return set(tomllib.loads(file.read_text()).get("projects", {}))


def test_the_first_project_makes_a_private_file_in_a_private_directory(tmp_path: Path) -> None:
    file = tmp_path / "luzia" / "config.toml"
    add_project(str(file), "web", "/srv/web", None)
    assert file.read_text() == '[projects.web]\npath = "/srv/web"\n'
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert os.listdir(file.parent) == ["config.toml"]


def test_adding_keeps_every_line_and_the_mode(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(BOTH)
    file.chmod(0o640)
    add_project(str(file), "my.site", '/srv/"quoted" \\ ünï\x7f', "mine")
    text = file.read_text()
    assert text.startswith(BOTH)
    assert tomllib.loads(text)["projects"]["my.site"] == {"path": '/srv/"quoted" \\ ünï\x7f', "agent": "mine"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    "text",
    [
        "[daemon]\nmax_jobs = 3",
        '[projects]\nold = { path = "/old" }\n',
        'projects.old.path = "/old"\n[daemon]\n',
        "[projects]\n",
        "# nothing but a comment",
    ],
)
def test_adding_works_in_every_style_of_writing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    before = names(file)
    add_project(str(file), "new", "/new", None)
    assert names(file) == before | {"new"}
    assert file.read_text().startswith(text)


def test_removing_takes_the_project_out_and_leaves_comments_around_it(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(BOTH)
    remove_project(str(file), "a")
    assert file.read_text() == (
        "# top\n\n# about agents\n"
        '[agents.mine]\ncommand = ["x", "{task}"]\n\n[projects.b]\npath = "/b" # the second\n# the end\n'
    )
    remove_project(str(file), "b")
    assert names(file) == set()
    assert file.read_text().endswith('command = ["x", "{task}"]\n# the end\n')


@pytest.mark.parametrize(
    "text",
    [
        '[projects]\nold = { path = "/old" }\nkept = { path = "/kept" }\n',
        'projects.old.path = "/old"\nprojects.kept.path = "/kept"\n',
        '[projects]\nold.path = "/old"\nkept.path = "/kept"\n',
        "[projects.kept]\npath = \"/kept\"\n[projects.\"old\"]\npath = '''\n/old'''\n",
    ],
)
def test_removing_works_in_every_style_of_writing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text.replace("\n/old", "/old"))
    remove_project(str(file), "old")
    assert names(file) == {"kept"}


def test_what_cannot_be_edited_is_refused_and_stays(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    text = 'projects = { a = { path = "/a" }, b = { path = "/b" } }\n'
    file.write_text(text)
    with pytest.raises(ConfigError, match="edit the file by hand"):
        remove_project(str(file), "a")
    with pytest.raises(ConfigError, match="edit the file by hand"):
        add_project(str(file), "c", "/c", None)
    assert file.read_text() == text


@pytest.mark.parametrize(
    ("name", "path", "agent", "words"),
    [
        ("web", "relative", None, 'projects.web.path: found "relative"'),
        ("web", "/nul\0", None, "projects.web.path"),
        ("web", "/web", "nobody", "projects.web.agent"),
        ("web", "/b\udcff", None, "not UTF-8"),
    ],
)
def test_a_change_that_would_be_a_mistake_is_refused(
    tmp_path: Path, name: str, path: str, agent: str | None, words: str
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(BOTH)
    with pytest.raises(ConfigError) as caught:
        add_project(str(file), name, path, agent)
    assert words in caught.value.mistakes[0]
    assert file.read_text() == BOTH
    assert os.listdir(tmp_path) == ["config.toml"]


def test_names_are_checked(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(BOTH)
    with pytest.raises(Refused) as exists:
        add_project(str(file), "a", "/a", None)
    with pytest.raises(Refused) as bad:
        add_project(str(file), "a/b", "/a", None)
    with pytest.raises(Refused) as unknown:
        remove_project(str(file), "c")
    codes = [caught.value.code for caught in (exists, bad, unknown)]
    assert codes == [ErrorCode.PROJECT_EXISTS, ErrorCode.BAD_REQUEST, ErrorCode.UNKNOWN_PROJECT]


def test_a_broken_file_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[daemon]\nnonsense = 1\n")
    with pytest.raises(ConfigError, match="nonsense"):
        add_project(str(file), "web", "/web", None)
    assert file.read_text() == "[daemon]\nnonsense = 1\n"


def test_a_symbolic_link_is_followed_and_stays_one(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    real, link = tmp_path / "dotfiles" / "luzia.toml", tmp_path / "config.toml"
    real.write_text(BOTH)
    link.symlink_to(real)
    add_project(str(link), "web", "/web", None)
    assert link.is_symlink()
    assert "web" in names(real)
    assert os.listdir(tmp_path / "dotfiles") == ["luzia.toml"]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot be (read|written): Not a directory"):
        add_project(str(tmp_path / "file" / "config.toml"), "web", "/web", None)
