from __future__ import annotations

import os
from pathlib import Path

import pytest

from luzia_client.cli.args.command_line import DispatchLine, check_words, is_option, parse_dispatch, read_task
from luzia_client.cli.args.errors import UsageError


def read(*words: str) -> DispatchLine:
    return parse_dispatch(list(words), "dispatch")


def test_unquoted_words_are_joined_by_one_space() -> None:
    line = read("overbits", "fix", "the", "login  button")
    assert line.project == "overbits"
    assert read_task(line) == "fix the login  button"


@pytest.mark.parametrize("word", ["- do it", "--fix the login", "-x\n", "-"])
def test_a_word_with_white_space_and_a_lone_dash_are_text(word: str) -> None:
    assert not is_option(word)
    assert read("p", word).words == [word]


@pytest.mark.parametrize("words", [("--at=tomorrow 9am", "p", "fix it"), ("p", "--at=tomorrow 9am", "fix it")])
def test_the_value_of_an_option_may_have_white_space(words: tuple[str, ...]) -> None:
    line = read(*words)
    assert (line.project, line.words, list(line.fields)) == ("p", ["fix it"], ["not_before"])
    with pytest.raises(UsageError, match="option --at must come before the task"):
        read_task(read("p", "fix it", "--at=tomorrow 9am"))
    assert read_task(read("p", "--", "--at=tomorrow 9am")) == "--at=tomorrow 9am"


def test_options_are_recognised_before_and_after_the_project_up_to_the_task() -> None:
    line = read("--agent", "shell", "p", "-q", "--key=k", "run", "-x", "--all")
    assert (line.agent, line.key, line.quiet, line.json) == ("shell", "k", True, False)
    assert read_task(line) == "run -x --all"


@pytest.mark.parametrize("word", ["--max-cost", "--max-cost=1", "-q", "--agent", "-a", "--json", "--help", "--hold"])
def test_an_option_after_the_first_word_of_the_task_is_refused_with_the_way_out(word: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_task(read("p", "fix", "it", word, "1"))
    assert caught.value.message == f"option {word.partition('=')[0]} must come before the task"
    assert "quote the whole task, or put `--` before the first word of the task" in caught.value.hint
    with pytest.raises(UsageError, match="must come before the task"):
        check_words(parse_dispatch(["p", "make", word], "run"))
    assert read_task(read("p", f"fix it {word} 1")) == f"fix it {word} 1"
    assert read_task(read("p", "fix", f"the {word} option")) == f"fix the {word} option"
    assert read_task(read("p", "--", "fix", word, "1")) == f"fix {word} 1"


def test_two_dashes_make_an_at_sign_and_a_dash_text() -> None:
    assert read_task(read("p", "--", "@claude fix it")) == "@claude fix it"
    assert read_task(read("p", "--", "-")) == "-"


def test_a_file_that_is_missing_is_reported_with_the_way_out() -> None:
    with pytest.raises(UsageError, match="cannot read the task from claude fix it") as caught:
        read_task(read(".", "@claude fix it"))
    assert caught.value.hint == "To pass it as the task itself, put `--` before it."


def test_two_dashes_end_the_options() -> None:
    assert read("p", "--", "-x", "--", "y").words == ["-x", "--", "y"]
    line = read("-q", "--", "p", "--agent", "x")
    assert (line.project, line.words) == ("p", ["--agent", "x"])


def test_the_hint_for_an_unknown_option_explains_how_to_pass_it_as_the_task() -> None:
    with pytest.raises(UsageError) as caught:
        read("p", "--fix")
    assert caught.value.message == "unknown option --fix"
    assert "put `--` before the task" in caught.value.hint
    assert "Did you mean" not in caught.value.hint, "two dashes are no resemblance"
    with pytest.raises(UsageError) as caught:
        read("p", "--agnet", "x")
    assert caught.value.hint.startswith("Did you mean `--agent`?")


@pytest.mark.parametrize("words", [("p", "--agent"), ("p", "--agent=", "x"), ("--key", "", "p", "x")])
def test_an_option_without_its_value_is_an_error(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="requires a value"):
        read(*words)


def test_variables_are_set_or_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "s3cret")
    assert read("-e", "A=1=2", "-e", "TOKEN", "--env=B=", "p", "x").env == {"A": "1=2", "TOKEN": "s3cret", "B": ""}


def test_copying_a_variable_that_is_not_set_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKEN", raising=False)
    with pytest.raises(UsageError, match="--env TOKEN: the variable is not set"):
        read("-e", "TOKEN", "p", "x")


@pytest.mark.parametrize("value", ["soon", "0", "-1", "nan", "inf"])
def test_a_timeout_is_a_duration_above_zero(value: str) -> None:
    with pytest.raises(UsageError, match="invalid duration"):
        read(f"--timeout={value}", "p", "x")


def test_paths_are_made_absolute_and_names_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ada")
    assert read(".", "x").project == str(tmp_path)
    assert read("..", "x").project == str(tmp_path.parent)
    assert read("a/b", "x").project == str(tmp_path / "a" / "b")
    assert read("~/src", "x").project == "/home/ada/src"
    assert read("overbits", "x").project == "overbits"
    assert read("--cwd", "sub", "p", "x").fields["cwd"] == str(tmp_path / "sub")


def test_a_file_is_the_task_byte_for_byte(tmp_path: Path) -> None:
    (tmp_path / "task.md").write_text("  do\n\nit ✓ \n")
    assert read_task(read("p", f"@{tmp_path}/task.md")) == "  do\n\nit ✓ \n"


def test_an_at_sign_is_text_unless_it_is_the_whole_task() -> None:
    assert read_task(read("p", "@ada", "says", "hi")) == "@ada says hi"
    assert read_task(read("p", "@")) == "@"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"a\0b", "contains a NUL character"),
        (b"ab\xff", "is not valid UTF-8 (byte 2)"),
        (b"x" * (1024 * 1024 + 1), "is larger than 1 MiB"),
    ],
)
def test_a_file_that_is_no_task_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "task"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_task(read("p", f"@{path}"))
    assert caught.value.message == f"{path} {message}"


def test_a_missing_file_and_a_directory_are_named(tmp_path: Path) -> None:
    for path, reason in [(tmp_path / "none", "No such file or directory"), (tmp_path, "Is a directory")]:
        with pytest.raises(UsageError) as caught:
            read_task(read("p", f"@{path}"))
        assert caught.value.message == f"cannot read the task from {path}: {reason}"


def test_a_task_of_exactly_one_mebibyte_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "task"
    path.write_bytes(b"x" * 1024 * 1024)
    assert len(read_task(read("p", f"@{path}"))) == 1024 * 1024


def test_broken_utf8_on_the_command_line_is_refused() -> None:
    with pytest.raises(UsageError, match="the task is not valid UTF-8"):
        read_task(read("p", os.fsdecode(b"caf\xe9")))


@pytest.mark.parametrize("words", [[], ["-q"], ["--"]])
def test_no_project_is_an_error(words: list[str]) -> None:
    with pytest.raises(UsageError, match="no project given"):
        read(*words)


def test_no_task_and_an_empty_task_are_errors() -> None:
    with pytest.raises(UsageError, match="no task for project 'p'"):
        read_task(read("p", "-q"))
    with pytest.raises(UsageError, match="the task is empty"):
        read_task(read("p", ""))


def test_needs_are_names_with_counts_and_add_up() -> None:
    line = read("--needs", "gpu=2, staging-db", "--needs=tpu", "--cpus", "0.5", "--priority", "-5", "p", "x")
    assert line.fields == {"needs": {"gpu": 2, "staging-db": 1, "tpu": 1}, "cpus": 0.5, "priority": -5}


@pytest.mark.parametrize(
    ("text", "size"), [("4G", 4 << 30), ("512m", 512 << 20), ("1.5KiB", 1536), ("100", 100), ("2TB", 2 << 40)]
)
def test_a_size_has_a_unit_of_1024(text: str, size: int) -> None:
    assert read("--memory", text, "p", "x").fields == {"memory_bytes": size}


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--needs", "=1"),
        ("--needs", "gpu=x"),
        ("--needs", "a,,b"),
        ("--cpus", "two"),
        ("--memory", "much"),
        ("--memory", "-1G"),
        ("--priority", "1.5"),
    ],
)
def test_what_makes_no_amount_is_an_error_with_an_example(option: str, text: str) -> None:
    with pytest.raises(UsageError, match=option) as caught:
        read(option, text, "p", "x")
    assert option in caught.value.hint
