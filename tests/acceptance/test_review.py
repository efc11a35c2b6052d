"""`luzia review` as a user has it: finished work on a real terminal, and every decision on real repositories."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from wcwidth import wcswidth

from review_scene import CART, Reviewed, reviewed
from support import MAIN, eventually
from terminal import WHEEL_DOWN, WHEEL_UP, Terminal, terminal


@pytest.fixture
def place() -> Iterator[Reviewed]:
    with reviewed() as made:
        yield made


def review(
    place: Reviewed, *words: str, columns: int = 80, rows: int = 24, bytes_per_s: float | None = None, **env: str
) -> AbstractContextManager[Terminal]:
    argv = [sys.executable, "-c", MAIN, "review", *words]
    env = {**place.daemon.env, **env}
    return terminal(argv, env, str(place.project.root), columns, rows, bytes_per_s=bytes_per_s)


def luzia(place: Reviewed, *words: str) -> subprocess.CompletedProcess[str]:
    return place.daemon.run(*words, stdin=subprocess.DEVNULL, cwd=place.project.root)


# The whole way


class Keys:
    """Presses keys, and counts them. Words that are typed into a line are no keys; the Enter that ends them is one."""

    def __init__(self, screen: Terminal) -> None:
        self._screen = screen
        self.count = 0

    def press(self, *keys: str) -> None:
        self.count += len(keys)
        self._screen.press(*keys)


def test_ten_finished_jobs_are_decided_with_twenty_keys(place: Reviewed) -> None:
    ids = place.ten()
    project = place.project
    with review(place) as screen:
        keys = Keys(screen)

        def shown(task: str) -> None:
            screen.until(lambda now: task in now.lines[2] + now.lines[3], task)
            screen.until(lambda now: "→ main" in now.text, "its changes")

        shown("add up the cart")
        screen.shows("1 of 10")
        keys.press("a")
        shown("fix the login button")
        keys.press("a")
        shown("describe the new prices")
        keys.press("s")
        screen.shows("Send back:")
        screen.type("name the taxes")
        keys.press("enter")
        shown("翻译首页 into French")
        keys.press("l")
        shown("use four workers")
        keys.press("a")
        shown("move the cart")
        keys.press("D")
        screen.shows("Discard the work of", "y/N")
        keys.press("y")
        shown("add the logo")
        keys.press("a")
        shown("remove the old prices")
        keys.press("D", "y")
        shown("write a page about shipping")
        keys.press("a")
        shown("log every request")
        keys.press("D", "y")
        shown("describe the new prices")  # it was sent back, and has ended again
        screen.shows("+name the taxes")
        keys.press("a")
        shown("翻译首页 into French")
        keys.press("a")
        screen.shows("No finished work waits for a decision.", "11 decided")
        keys.press("q")
        assert screen.ended() == 0
        assert screen.is_as_before()
    assert keys.count <= 20
    assert place.told == ["name the taxes"]
    merged = project.git("branch", "--merged", "main", "--format=%(refname:short)").splitlines()
    accepted = [ids[number] for number in (0, 1, 2, 3, 4, 6, 8)]
    assert merged == sorted(["main", *(f"luzia/{job}" for job in accepted)])
    assert project.git("status", "--porcelain") == ""
    assert (project.root / "config.toml").read_text() == 'name = "shop"\nworkers = 4\n'
    assert not (project.root / "shop" / "log.py").exists()
    for number in (5, 7, 9):
        assert place.job(ids[number])["discarded"] is not None


# What it shows


def test_a_job_is_shown_with_its_task_summary_cost_and_changes(place: Reviewed) -> None:
    job = place.finished("add up the cart with sum()")
    with review(place) as screen:
        screen.shows(job, "completed", "cost $0.31", "add up the cart with sum()", "All 14 tests pass.")
        screen.shows("2 files +7 −5", f"luzia/{job} → main", "shop/cart.py  +2 −5", "return sum(items")
        screen.press("tab")
        screen.shows("tests/test_cart.py", "def test_total")
        assert ("magenta", False) in screen.styles_of("def")


def test_the_changed_words_of_a_line_are_marked(place: Reviewed) -> None:
    place.finished("use four workers")
    with review(place) as screen:
        screen.shows("-workers = 2", "+workers = 4")
        cells = screen.cells()
        row = screen.row_of("+workers = 4")
        column = screen.lines[row].index("+workers = 4")
        assert [cells[row][column + offset].reverse for offset in (1, 11)] == [False, True]


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 50), (160, 40), (40, 10), (20, 5)])
def test_every_row_fits_the_screen(place: Reviewed, columns: int, rows: int) -> None:
    for task in ("add up the cart with sum()", "翻译首页 into French 🎉", "add the logo"):
        place.finished(task)
    with review(place) as screen:
        screen.shows("1 of 3")
        screen.resize(columns, rows)
        for name in ("add up", "翻译首页", "add the"):
            screen.until(lambda now, name=name: name in now.text, name)  # type: ignore[misc]
            screen.until(lambda now: "reading" not in now.text, "the changes")
            for line in screen.lines:
                assert wcswidth(line) <= columns
            screen.press("n")


def test_a_wide_screen_has_both_sides_and_the_list_of_jobs(place: Reviewed) -> None:
    place.finished("use four workers")
    other = place.finished("fix the login button")
    with review(place, columns=200, rows=50) as screen:
        screen.shows("workers = 4", "workers = 2", f"{other[-4:]} fix the login button")
        assert screen.row_of("workers = 2") == screen.row_of("workers = 4")
        screen.press("t")
        screen.until(lambda now: now.row_of("workers = 2") < now.row_of("workers = 4"), "one column")
        screen.click(5, screen.row_of(f"{other[-4:]} fix the login button"))
        screen.shows("button?.click()")


def test_the_jobs_are_ordered_as_they_can_be_merged(place: Reviewed) -> None:
    hostile = place.finished("use eight", {"files": {"config.toml": 'name = "shop"\nworkers = 8\n'}, "summary": "8"})
    clean = place.finished("fix the login button")
    other = place.finished("use four workers")
    with review(place) as screen:
        screen.shows("1 of 3 · oldest first", "use eight", "→ main")
        screen.press("o")
        screen.shows("by project")
        screen.press("o")
        screen.shows("order of merges", "2 of 3", hostile)
        screen.press("n")
        screen.shows("3 of 3", other, f"Will conflict with {hostile}: config.toml")
        screen.press("n")
        screen.shows("1 of 3", clean)
        screen.press("o")
        screen.shows("oldest first", "2 of 3")


def test_without_colours_signs_and_marks_remain(place: Reviewed) -> None:
    place.finished("use four workers")
    with review(place, NO_COLOR="1") as screen:
        screen.shows("-workers = 2", "+workers = 4")
        assert {cell.fg for row in screen.cells() for cell in row} == {"default"}


def test_binary_files_renames_and_deletions_are_named(place: Reviewed) -> None:
    place.finished("add the logo")
    place.finished("move the cart to its own package")
    place.finished("remove the old prices")
    with review(place) as screen:
        screen.shows("web/logo.bin", "binary file", "1 of 3")
        screen.press("n")
        screen.shows("shop/cart.py → cart/model.py")
        screen.press("n")
        screen.shows("docs/prices.md  +0 −3", "-# Prices")


def test_controls_in_a_file_do_not_reach_the_terminal(place: Reviewed) -> None:
    plan = {"files": {"evil\x1b[31m.txt": "a\x1b]0;owned\x07b\n"}, "summary": "\x1b[2Jgone"}
    place.finished("do evil", plan)
    with review(place) as screen:
        screen.shows("a^[]0;owned^Gb", "^[[2Jgone")
        assert b"owned\x07" not in screen.raw


def test_a_very_large_change_is_folded_and_moves_at_once_when_it_is_open(place: Reviewed) -> None:
    lines = "".join(f"value_{number} = {number}\n" for number in range(100_000))
    place.finished("generate the table", {"files": {"table.py": lines}, "summary": "100,000 lines."})
    with review(place) as screen:
        screen.shows("table.py  +100,000 −0")
        assert "value_0" not in screen.text
        screen.press("enter")
        screen.shows("value_0 = 0")
        screen.press("end")
        screen.shows("value_99999 = 99999")
        screen.press("home", "/")
        screen.type("value_54321 ")
        screen.press("enter")
        screen.shows("value_54321 = 54321")


def test_folding_and_moving(place: Reviewed) -> None:
    place.finished("add up the cart with sum()")
    with review(place) as screen:
        screen.shows("return sum(items")
        screen.press("]", "enter")
        screen.shows_no_more("return sum(items")
        screen.press("enter")
        screen.shows("return sum(items")
        screen.press("z")
        screen.shows_no_more("def total")
        screen.shows("tests/test_cart.py")
        screen.press("z")
        screen.shows("def total")
        screen.wheel(10, 15, WHEEL_DOWN)
        screen.until(lambda now: "▾ shop/cart.py" not in now.text, "scrolled")
        screen.wheel(10, 15, WHEEL_UP)
        screen.shows("▾ shop/cart.py")


def test_keys_without_effect_say_so_and_the_help_has_all_keys(place: Reviewed) -> None:
    place.finished("use four workers")
    with review(place) as screen:
        screen.shows("+workers = 4")
        screen.press("X")
        screen.shows("X has no effect; ? shows all keys")
        screen.press("?")
        screen.shows("Keys of luzia review", "accept: merge all of its work")
        screen.press("escape")
        screen.shows("+workers = 4")
        screen.press("]", "c")
        screen.shows("a comment is about a line")
        screen.press("u")
        screen.shows("nothing to undo")


def test_the_details_have_the_whole_summary(place: Reviewed) -> None:
    summary = "\n".join(f"point {number} of the summary" for number in range(20))
    place.finished("do much", {"files": {"a": "b\n"}, "summary": summary})
    with review(place) as screen:
        screen.shows("point 0 of", "(i: all)")
        screen.press("i")
        screen.shows("point 19 of the summary")


# Decisions


def test_a_discard_is_undone(place: Reviewed) -> None:
    job = place.finished("use four workers")
    with review(place) as screen:
        screen.shows("+workers = 4")
        screen.press("D", "n")
        screen.shows("aborted")
        screen.press("D", "y")
        screen.shows(f"discarded: job {job}", "u restores it", "No finished work waits")
        screen.press("u")
        screen.shows(f"restored: job {job}", "+workers = 4")
    assert place.job(job)["discarded"] is None


def test_what_was_put_off_comes_back_with_undo(place: Reviewed) -> None:
    place.finished("use four workers")
    place.finished("fix the login button")
    with review(place) as screen:
        screen.shows("+workers = 4", "1 of 2")
        screen.press("l")
        screen.shows("button?.click()", "1 later")
        screen.press("u")
        screen.shows("+workers = 4")


def test_a_marked_hunk_is_merged_alone_and_the_rest_waits(place: Reviewed) -> None:
    job = place.finished("add up the cart with sum()")
    with review(place) as screen:
        screen.shows("return sum(items")
        screen.press("]", " ")
        screen.shows("1 marked")
        screen.press("a")
        screen.shows(f"merged what was marked of job {job} into main; the rest waits", "tests/test_cart.py")
        screen.until(lambda now: "return sum(items" not in now.text, "only the rest")
        screen.shows("not self.items", "2 files +6 −1")
    shop = (place.project.root / "shop" / "cart.py").read_text()
    assert "return sum(items, start=Decimal(0))" in shop
    assert "return len(self.items) == 0" in shop
    assert place.project.git("status", "--porcelain") == ""


def test_a_marked_file_is_merged_alone(place: Reviewed) -> None:
    place.finished("add up the cart with sum()")
    with review(place) as screen:
        screen.shows("return sum(items")
        screen.press("tab", " ", "a")
        screen.shows("the rest waits", "1 file +2 −5")
    assert (place.project.root / "tests" / "test_cart.py").exists()
    assert (place.project.root / "shop" / "cart.py").read_text() == CART


def test_a_job_is_sent_back_with_comments_on_its_lines(place: Reviewed) -> None:
    job = place.finished("add up the cart with sum()")
    with review(place) as screen:
        screen.shows("return sum(items")
        screen.press("/")
        screen.type("return sum")
        screen.press("enter", "c")
        screen.shows("Comment:")
        screen.type("why not math.fsum?")
        screen.press("enter")
        screen.shows("» why not math.fsum?", "1 comment")
        screen.press("/")
        screen.type("result = decimal")
        screen.press("enter", "c")
        screen.type("this was clearer")
        screen.press("enter")
        screen.shows("2 comments")
        screen.press("s")
        screen.shows("Send back with 2 comments:")
        screen.type("nearly")
        screen.press("enter")
        screen.shows(f"sent back: job {job}")
        eventually(lambda: place.told, "the agent is told")
    (message,) = place.told
    assert message.startswith("nearly\n\n")
    assert "shop/cart.py:8\n>     return sum(items, start=Decimal(0))\nwhy not math.fsum?" in message
    assert "shop/cart.py:8 (before your changes)\n>     result = Decimal(0)\nthis was clearer" in message


def test_a_comment_is_changed_and_deleted(place: Reviewed) -> None:
    place.finished("use four workers")
    with review(place) as screen:
        screen.shows("+workers = 4")
        screen.press("end", "c")
        screen.type("why")
        screen.press("enter")
        screen.shows("» why")
        screen.press("c")
        screen.shows("Comment: why")
        screen.type(" four?")
        screen.press("enter")
        screen.shows("» why four?")
        screen.press("x")
        screen.shows_no_more("why four?")


def test_the_agent_gets_a_conflict_to_resolve(place: Reviewed) -> None:
    place.finished("use four workers")
    second = place.finished("use eight", {"files": {"config.toml": 'name = "shop"\nworkers = 8\n'}, "summary": "8."})
    with review(place) as screen:
        screen.shows("+workers = 4")
        screen.press("a")
        screen.shows("+workers = 8", "Conflicts with main: config.toml")
        screen.press("down")
        screen.shows("C conflict to agent")
        screen.press("C")
        screen.shows(f"the agent of job {second} resolves the conflict")
        eventually(lambda: place.told, "the agent is told")
    assert "conflicts with the branch main" in place.told[0]
    assert "- config.toml" in place.told[0]


def test_work_that_has_changed_since_it_was_shown_is_not_merged(place: Reviewed) -> None:
    job = place.finished("use four workers")
    tree = Path(place.job(job)["worktree"]["path"])
    with review(place) as screen:
        screen.shows("+workers = 4")
        (tree / "config.toml").write_text('name = "shop"\nworkers = 5\n')
        screen.press("a")
        screen.shows("the work has changed since it was shown", "+workers = 5")
        screen.press("a")
        screen.shows("1 decided")
    assert "workers = 5" in (place.project.root / "config.toml").read_text()


def test_the_result_is_verified_without_a_merge_and_the_verdict_is_shown() -> None:
    with reviewed("verify = \"grep -q 'workers = 4' config.toml\"") as place:
        place.finished("use four workers")
        before = place.project.git("rev-parse", "main")
        with review(place) as screen:
            screen.shows("+workers = 4")
            screen.press("v")
            screen.shows("verify passed", "cost $0.12 · verify passed")
            assert place.project.git("rev-parse", "main") == before


def test_a_conflict_changes_nothing_and_the_job_waits_again(place: Reviewed) -> None:
    first = place.finished("use four workers")
    second = place.finished("use eight", {"files": {"config.toml": 'name = "shop"\nworkers = 8\n'}, "summary": "8."})
    with review(place) as screen:
        screen.shows("+workers = 4")
        screen.press("a")
        screen.shows("+workers = 8", f"of job {first} into main")
        before = place.project.git("rev-parse", "main")
        screen.press("a")
        screen.shows(f"{second} waits again", "conflicts with main: config.toml")
        screen.press("down")
        screen.shows("C conflict to agent")
        assert place.project.git("rev-parse", "main") == before


def test_a_verification_that_fails_keeps_the_branch_and_says_why() -> None:
    with reviewed("verify = \"! grep -q 'workers = 4' config.toml\"") as place:
        job = place.finished("use four workers")
        before = place.project.git("rev-parse", "main")
        with review(place) as screen:
            screen.shows("+workers = 4")
            screen.press("a")
            screen.shows(f"job {job} waits again", "failed on the merged files")
        assert place.project.git("rev-parse", "main") == before


def test_a_pull_request_is_opened_with_one_key_or_says_what_is_missing(place: Reviewed, tmp_path: Path) -> None:
    job = place.finished("use four workers")
    remote = place.project.at(tmp_path / "github.git")
    remote.root.mkdir()
    remote.git("init", "-q", "--bare")
    program = tmp_path / "gh"
    program.write_text("#!/bin/sh\necho https://forge.example/pulls/7\n")
    program.chmod(0o755)
    with review(place, PATH=f"{tmp_path}:{place.daemon.env['PATH']}") as screen:
        screen.shows("+workers = 4")
        screen.press("P")
        screen.shows(f"job {job} waits again", "the branch main has no remote repository")
        place.project.git("remote", "add", "origin", str(remote.root))
        place.project.git("push", "-q", "-u", "origin", "main")
        screen.press(" ", "P")
        screen.shows("a pull request has all the work of a job")
        screen.press("escape", "P")
        screen.shows(f"pull request of job {job}: https://forge.example/pulls/7", "No finished work waits")
    assert "workers = 4" in remote.git("show", f"luzia/{job}:config.toml")
    assert place.job(job)["worktree"] is not None


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 50)])
def test_a_long_message_is_shown_whole_above_the_last_line(place: Reviewed, columns: int, rows: int) -> None:
    names = [f"a/rather/long/directory/for/a/file/{number}.txt" for number in range(3)]
    plans: list[dict[str, Any]] = [
        {"files": dict.fromkeys(names, f"{each}\n"), "summary": each} for each in ("one", "two")
    ]
    place.finished("write one", plans[0])
    second = place.finished("write two", plans[1])
    with review(place, columns=columns, rows=rows) as screen:
        screen.shows("+one")
        screen.press("a")
        screen.shows("+two", "1 decided")
        screen.press("a")
        screen.shows(f"{second} waits again")

        def is_whole(now: Terminal) -> bool:
            message = " ".join(line.strip() for line in now.lines[-3:])
            return all(name in message for name in names) or all(now.text.count(name) >= 2 for name in names)

        screen.until(is_whole, "the whole message")
        assert all(wcswidth(line) <= columns for line in screen.lines)


# What happens meanwhile


def test_a_job_that_ends_meanwhile_comes_in_and_one_that_is_decided_elsewhere_goes(place: Reviewed) -> None:
    with review(place) as screen:
        screen.shows("No finished work waits for a decision.")
        job = place.finished("use four workers")
        screen.shows("1 of 1", "+workers = 4")
        assert luzia(place, "discard", "--yes", job).returncode == 0
        screen.shows(f"job {job} does not wait any more", "No finished work waits")


def test_the_screen_outlives_its_daemon(place: Reviewed) -> None:
    place.finished("use four workers")
    with review(place, LUZIA_NO_AUTOSTART="1") as screen:
        screen.shows("+workers = 4")
        place.daemon.stop()
        screen.shows("retrying")
        screen.press("a")
        screen.shows("waits again")
        place.daemon.start()
        screen.shows_no_more("retrying")
        screen.press("a")
        screen.shows("1 decided")


def test_a_worktree_that_is_gone_is_a_message(place: Reviewed) -> None:
    job = place.finished("use four workers")
    other = place.finished("fix the login button")
    tree = Path(place.job(job)["worktree"]["path"])
    place.project.git("worktree", "unlock", str(tree), check=False)
    place.project.git("worktree", "remove", "--force", str(tree))
    place.project.git("branch", "-D", f"luzia/{job}")
    with review(place) as screen:
        screen.shows(job, "exists any more", "1 of 2")
        screen.press("n")
        screen.shows(other, "button?.click()")


def test_on_a_slow_line_one_key_costs_few_bytes(place: Reviewed) -> None:
    place.finished("add up the cart with sum()")
    with review(place, columns=200, rows=50) as screen:
        screen.shows("return sum(items")
        before = len(screen.raw)
        screen.press("down")
        screen.until(lambda now: len(now.raw) > before, "the next line is selected")
        screen.press("X")
        screen.shows("X has no effect")
        assert len(screen.raw) - before < 2000


def test_the_loss_of_the_terminal_ends_it(place: Reviewed) -> None:
    place.finished("use four workers")
    with review(place) as screen:
        screen.shows("+workers = 4")
        screen.process.send_signal(signal.SIGTERM)
        assert screen.ended() == 128 + signal.SIGTERM
        assert screen.is_as_before()


# Other programs


def test_the_editor_opens_the_file_at_its_line(place: Reviewed, tmp_path: Path) -> None:
    job = place.finished("use four workers")
    editor = tmp_path / "vim"
    editor.write_text('#!/bin/sh\necho "$@" > "$0.args"\necho edited >> "$2"\n')
    editor.chmod(0o755)
    with review(place, EDITOR=str(editor)) as screen:
        screen.shows("+workers = 4")
        screen.press("]", "down", "down", "down", "e")
        screen.shows("+edited")
    words = editor.with_name("vim.args").read_text().split()
    assert words == ["+2", str(Path(place.job(job)["worktree"]["path"]) / "config.toml")]


def test_the_difftool_is_the_users_own_and_never_one_that_a_job_has_configured(place: Reviewed) -> None:
    place.finished("use four workers")
    home = Path(place.daemon.env["HOME"])
    with (home / ".gitconfig").open("a") as settings:
        settings.write('[diff]\ntool = mine\n[difftool "mine"]\ncmd = cp "$REMOTE" "$HOME/seen"\n')
    place.project.git("config", "difftool.mine.cmd", "touch $HOME/evil")
    with review(place) as screen:
        screen.shows("+workers = 4")
        screen.press("d")
        eventually((home / "seen").exists, "the tool has run")
        screen.shows("+workers = 4")
    assert "workers = 4" in (home / "seen").read_text()
    assert not (home / "evil").exists()


# Without a terminal


def test_without_a_terminal_the_waiting_jobs_are_printed(place: Reviewed) -> None:
    assert luzia(place, "review").stdout == "No finished work waits for a decision.\n"
    job = place.finished("add up the cart with sum()")
    printed = luzia(place, "review").stdout.splitlines()
    assert printed[0].split() == ["ID", "PROJECT", "STATE", "ENDED", "COST", "CHANGES", "TASK"]
    assert printed[1].startswith(job)
    assert "2 +7 −5" in printed[1]
    found: dict[str, Any] = json.loads(luzia(place, "review", "--json").stdout)
    assert (found["job"], found["summary"][:9]) == (job, "`total()`")
    assert [tuple(file.values()) for file in found["files"]] == [("shop/cart.py", 2, 5), ("tests/test_cart.py", 5, 0)]
    refused = luzia(place, "review", job)
    assert refused.returncode == 2
    assert "luzia diff" in refused.stderr


def test_a_job_that_changes_the_same_files_as_a_running_one_says_so_while_it_is_shown(place: Reviewed) -> None:
    job = place.finished("fix the login button")
    with review(place, job) as screen:
        screen.until(lambda now: "→ main" in now.text, "its changes")
        task = "echo other > web/login.js; sleep 1000"
        other = place.ok(op="dispatch", project="overbits", task=task, agent="shell", worktree=True)["job"]
        words = f"{other} changes the same files: web/login.js; git cannot merge web/login.js"
        screen.until(lambda now: words in now.text, "the collision")
        place.ok(op="cancel", job=other)
        place.ended(other)
