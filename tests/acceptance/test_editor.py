"""A task is written in the user's editor: luzia PROJECT, luzia edit ID, and luzia again ID --edit, on a terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from private_luzia import PrivateLuzia, private_luzia
from terminal import terminal

EDITOR = """\
#!/bin/sh
cp "$1" "$SEEN"
printf '%s' "$TEXT" > "$1.new"
sed -n '/^# -.* >8 -/,$p' "$1" >> "$1.new"
mv "$1.new" "$1"
"""


@pytest.fixture
def luzia(tmp_path: Path) -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        config = f'[projects.overbits]\npath = "{luzia.project}"\nagent = "shell"\n'
        Path(luzia.env["LUZIA_CONFIG"]).write_text(config)
        editor = tmp_path / "editor"
        editor.write_text(EDITOR)
        editor.chmod(0o755)
        luzia.env |= {"EDITOR": str(editor), "SEEN": str(tmp_path / "seen"), "TMPDIR": str(tmp_path)}
        luzia.env.pop("VISUAL", None)
        yield luzia


def on_terminal(luzia: PrivateLuzia, text: str, *words: str) -> tuple[int, str, str]:
    """Run a command whose editor writes this text; returns its status, its screen, and what the editor was given."""
    Path(luzia.env["SEEN"]).write_text("")
    env = luzia.env | {"TEXT": text + "\n"}
    with terminal(luzia.command(*words), env, cwd=luzia.project, columns=150) as shown:
        return shown.ended(), shown.text, Path(luzia.env["SEEN"]).read_text()


def drafts(luzia: PrivateLuzia) -> list[str]:
    return [name for name in os.listdir(luzia.env["TMPDIR"]) if name.startswith("luzia-")]


def test_a_project_alone_opens_the_editor_and_dispatches_what_is_written(luzia: PrivateLuzia) -> None:
    luzia.client().dispatch("overbits", "echo earlier")
    status, screen, seen = on_terminal(luzia, "# heading\n\necho from the editor", "overbits")
    assert status == 0, screen
    assert "Dispatched" in screen
    assert "The task for overbits." in seen
    assert "#   echo earlier" in seen
    assert "#   agent      shell" in seen
    assert luzia.client().get_job("@last").task == "# heading\n\necho from the editor"
    assert drafts(luzia) == []


def test_the_settings_of_the_project_are_told_without_its_variables(luzia: PrivateLuzia) -> None:
    config_file = Path(luzia.env["LUZIA_CONFIG"])
    text = config_file.read_text().replace("[projects.overbits]", "[projects.overbits]\nmax_turns = 40\npriority = 3")
    config_file.write_text(f'{text}\n[projects.overbits.env]\nTOKEN = "s3cret"\n')
    luzia.client().reload_config()
    status, screen, seen = on_terminal(luzia, "", "overbits")
    assert status != 0, screen
    settings = seen.partition("# Settings of the project:")[2].splitlines()
    assert settings[1:3] == ["#   max_turns = 40", "#   priority = 3"]
    assert "s3cret" not in seen
    assert max(map(len, seen.splitlines())) < 80


def test_a_path_of_a_project_is_told_as_the_project(luzia: PrivateLuzia) -> None:
    link = Path(luzia.root, "link")
    link.symlink_to(luzia.project)
    status, screen, seen = on_terminal(luzia, "true", str(link))
    assert status == 0, screen
    assert "The task for overbits." in seen
    assert "#   agent      shell" in seen


def test_an_empty_text_dispatches_nothing_and_an_unknown_project_opens_no_editor(luzia: PrivateLuzia) -> None:
    status, screen, _ = on_terminal(luzia, "", "overbits")
    assert (status, "aborted: the text is empty" in screen) == (2, True)
    status, screen, seen = on_terminal(luzia, "true", "overbit")
    assert (status, seen) == (2, "")
    assert luzia.client().list_jobs().jobs == []
    assert drafts(luzia) == []


def test_a_text_that_cannot_be_dispatched_is_kept(luzia: PrivateLuzia) -> None:
    status, screen, _ = on_terminal(luzia, "precious words", "--agent", "nonsense", "overbits")
    assert status == 4
    (draft,) = drafts(luzia)
    assert draft in screen
    assert Path(luzia.env["TMPDIR"], draft).read_text().startswith("precious words\n")


def test_edit_without_options_changes_the_task_of_a_queued_job(luzia: PrivateLuzia) -> None:
    job = luzia.client().dispatch("overbits", "echo one", hold=True).job
    status, screen, seen = on_terminal(luzia, "echo two", "edit", job)
    assert status == 0, screen
    assert seen.startswith("echo one\n")
    assert luzia.client().get_job(job).task == "echo two"


def test_again_with_edit_dispatches_another_task_with_the_same_settings(luzia: PrivateLuzia) -> None:
    job = luzia.client().dispatch("overbits", "echo one", priority=5).job
    status, screen, seen = on_terminal(luzia, "echo two", "again", job, "--edit")
    assert status == 0, screen
    assert seen.startswith("echo one\n")
    new = luzia.client().get_job("@last")
    assert (new.task, new.priority) == ("echo two", 5)
    assert new.id != job
