"""Finished work is listed, accepted in part, sent back with comments, and verified, over a real daemon."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.test_verified_merge import configure, verifications
from integration.test_worktrees import Workshop, running_workshop
from luzia_client.api.client import Client
from luzia_client.review.comments import Comment
from luzia_client.review.decisions import accept, send_back
from luzia_client.review.finished import iter_finished, verify_work
from luzia_client.trees import WorktreeError
from luzia_client.trees.selection import Selection

EDIT = "sed -i -e '2s/$/ two/' -e '30s/$/ thirty/' README; echo new > new"


@pytest.fixture
def workshop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    """A running one, with a file of 40 lines; git runs here with its account."""
    with running_workshop() as made:
        monkeypatch.setenv("HOME", made.daemon.env["HOME"])
        made.project.write("README", "".join(f"{number}\n" for number in range(1, 41)))
        made.project.commit("lines")
        yield made


@pytest.fixture
def client(workshop: Workshop) -> Iterator[Client]:
    with Client(str(workshop.daemon.socket), autostart=False) as made:
        yield made


def test_finished_work_is_listed_oldest_first_until_it_is_decided(workshop: Workshop, client: Client) -> None:
    workshop.finished("true")
    first, second = workshop.finished(EDIT), workshop.finished("echo x > other; exit 1")
    works = list(iter_finished(client))
    assert [(work.job.id, work.job.state) for work in works] == [(first["id"], "completed"), (second["id"], "failed")]
    assert [(file.path, file.insertions, file.deletions) for file in works[0].files] == [
        ("README", 2, 2),
        ("new", 1, 0),
    ]
    assert (works[0].insertions, works[0].deletions, works[0].conflicts, works[0].verification) == (3, 2, [], None)
    client.discard(second["id"])
    accept(client, client.get_job(first["id"]))
    assert list(iter_finished(client)) == []
    assert (workshop.project.root / "new").read_text() == "new\n"


def test_a_part_is_accepted_after_its_verification_and_the_rest_later(workshop: Workshop, client: Client) -> None:
    configure(workshop, "grep -q two README && ! grep -q thirty README || test -e new")
    job = client.get_job(workshop.finished(EDIT)["id"])
    merged = accept(client, job, Selection(hunks={"README": frozenset({1})}))
    assert (merged.commits, merged.files_left) == (1, 2)
    assert (workshop.project.root / "README").read_text().splitlines()[1:30:28] == ["2 two", "30"]
    head = workshop.project.git("rev-parse", "main")
    with pytest.raises(WorktreeError, match="failed on the merged files"):
        accept(client, job, Selection(files=frozenset({"README"})))
    assert workshop.project.git("rev-parse", "main") == head
    (work,) = iter_finished(client)
    assert [file.path for file in work.files] == ["README", "new"]
    assert work.verification is not None
    assert (work.verification.result, work.verification.is_current) == ("failed", False)
    assert accept(client, job).files_left == 0
    assert list(iter_finished(client)) == []
    assert client.clean_worktree(job).removed


def test_a_verification_before_the_decision_is_current_until_something_changes(
    workshop: Workshop, client: Client
) -> None:
    configure(workshop, "grep thirty README")
    job = client.get_job(workshop.finished(EDIT)["id"])
    before = workshop.project.git("rev-parse", "main")
    started: list[str] = []
    done = verify_work(client, job, started.append)
    assert done is not None
    assert ([done.id], done.state) == (started, "completed")
    assert (workshop.project.git("rev-parse", "main"), client.get_job(done.id).worktree) == (before, None)

    def verification() -> tuple[str, bool]:
        (work,) = iter_finished(client)
        assert work.verification is not None
        return work.verification.result, work.verification.is_current

    assert verification() == ("passed", True)
    workshop.project.write("other", "x\n")
    workshop.project.commit("other")
    assert verification() == ("passed", False)
    verify_work(client, job)
    assert verification() == ("passed", True)
    tree: dict[str, Any] = workshop.job(job.id)["worktree"]
    Path(tree["path"], "new").write_text("newer\n")
    assert verification() == ("passed", False)
    assert len(verifications(workshop, {"id": job.id})) == 2


def test_work_that_conflicts_says_with_which_files(workshop: Workshop, client: Client) -> None:
    job = workshop.finished(EDIT)
    workshop.project.write("README", "theirs\n")
    workshop.project.commit("theirs")
    (work,) = iter_finished(client, projects=["overbits"])
    assert (work.job.id, work.conflicts) == (job["id"], ["README"])


def test_the_commands_show_and_merge_a_part(workshop: Workshop) -> None:
    job = workshop.finished(f"{EDIT}; git add -A; git commit -qm work")["id"]
    shown = workshop.luzia("diff", "--hunks", job)
    assert (shown.returncode, shown.stderr) == (0, "")
    lines = shown.stdout.splitlines()
    assert [line for line in lines if line[0] not in " +-"] == [
        "README",
        "README:1 @@ -1,5 +1,5 @@",
        "README:2 @@ -27,7 +27,7 @@",
        "new (added)",
        "new:1 @@ -0,0 +1,1 @@",
    ]
    assert {"-2", "+2 two", "+new"} <= set(lines)
    merged = workshop.luzia("merge", job, "--hunk", "README:2", "--file", "new", "-m", "Take some")
    assert merged.returncode == 0, merged.stderr
    commit = workshop.project.git("rev-parse", "main")
    assert merged.stdout.splitlines() == [
        f"Merged a part of luzia/{job} into main: 1 commit, now at {commit[:12]}",
        f"1 changed file left: `luzia diff --hunks {job}`",
    ]
    assert workshop.project.git("log", "-1", "--format=%s") == "Take some"
    (left,) = (json.loads(line) for line in workshop.luzia("diff", "--hunks", "--json", job).stdout.splitlines())
    assert (left["job"], left["path"], [hunk["number"] for hunk in left["hunks"]]) == (job, "README", [1])
    result = json.loads(workshop.luzia("merge", "--json", job, "--hunk", "README:1").stdout)
    assert (result["files_left"], result["onto"]) == (0, "main")
    assert workshop.luzia("diff", "--hunks", job).stdout == ""
    assert workshop.luzia("clean", job).returncode == 0


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("merge", "--hunk", "README"), 2, "invalid hunk 'README'"),
        (("merge", "--hunk", "README:x"), 2, "invalid hunk 'README:x'"),
        (("merge", "--commit", "--hunk", "README:9"), 4, "README has no hunk 9: it has 2 hunks"),
        (("merge", "--commit", "--file", "gone"), 4, "the job has no changes in gone"),
        (("merge", "--file", "new"), 4, "the worktree has uncommitted changes: README, new"),
        (("diff", "--hunks", "--stat"), 2, "--stat cannot be combined with --hunks"),
        (("diff", "--json", "--tool"), 2, "--json cannot be combined with --tool"),
        (("send",), 2, "no message given"),
        (("send", "--comment", "README"), 2, "invalid comment 'README'"),
        (("send", "--comment", "README:2="), 2, "invalid comment 'README:2='"),
        (("send", "--comment", "README:99=why"), 4, "README has no line 99: it has 40 lines"),
        (("send", "--comment", "gone:1=why"), 4, "the work has no file gone"),
        (("send", "--conflict"), 4, "does not conflict with main"),
        (("send", "--conflict", "--comment", "README:1=x"), 2, "--conflict cannot be combined with --comment"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_changed(
    workshop: Workshop, words: tuple[str, ...], status: int, message: str
) -> None:
    job = workshop.finished(EDIT)
    tree = workshop.project.at(job["worktree"]["path"])
    before = workshop.project.picture(), tree.picture()
    refused = workshop.luzia(words[0], job["id"], *words[1:])
    assert (refused.returncode, message in refused.stderr) == (status, True), refused.stderr
    assert (workshop.project.picture(), tree.picture()) == before


@pytest.fixture
def talker(workshop: Workshop) -> Workshop:
    """The workshop with an agent that has sessions: it changes lines first, and prints what it is told then."""
    program = workshop.project.root.parent / "talker"
    program.write_text(
        """#!/bin/sh
[ "$1" = first ] && { sed -i -e 2d -e '30s/$/ thirty/' README; git commit -qam work; }
[ "$1" = merge ] && git merge -q -X ours main
echo '{"type": "start", "session": "s1"}'
printf '%s' "$2" > "$STATE/said"
echo '{"type": "end"}'
"""
    )
    program.chmod(0o755)
    file = workshop.daemon.config_file
    table = f"""
[agents.talker]
command = ["{program}", "first", "{{task}}"]
resume_command = ["{program}", "merge", "{{task}}", "{{session}}"]
reader = "jsonl"
env = {{ STATE = "{workshop.project.root.parent}" }}
jsonl = {{ session = "start: session", success = "type == 'end'" }}
"""
    file.write_text(file.read_text() + table)
    workshop.ok(op="reload")
    return workshop


def said(workshop: Workshop) -> str:
    return (workshop.project.root.parent / "said").read_text()


def test_work_is_sent_back_with_comments_that_quote_their_lines(talker: Workshop, client: Client) -> None:
    job = talker.finished("change it", agent="talker")
    assert job["state"] == "completed", job["reason"]
    comments = ["--comment", "README:29=why = thirty?", "--comment", "README:1=fine"]
    sent = talker.luzia("send", job["id"], "Nearly", "good.", *comments)
    assert (sent.returncode, sent.stdout) == (0, f"{job['id']}  sent\n"), sent.stderr
    again = talker.ended(job["id"])
    assert (again["attempt"], again["attempts"][1]["session"]) == (2, "s1")
    assert said(talker) == "Nearly good.\n\nREADME:1\n> 1\nfine\n\nREADME:29\n> 30 thirty\nwhy = thirty?"
    send_back(client, client.get_job(job["id"]), "", [Comment("README", 2, "keep it", old=True)])
    talker.ended(job["id"])
    assert said(talker) == "README:2 (before your changes)\n> 2\nkeep it"


def test_the_agent_resolves_a_conflict_in_its_worktree_and_then_it_is_merged(talker: Workshop, client: Client) -> None:
    job = talker.finished("change it", agent="talker")
    talker.project.write("README", (talker.project.root / "README").read_text().replace("30\n", "XXX\n"))
    head = talker.project.commit("theirs")
    refused = talker.luzia("merge", job["id"])
    assert refused.returncode == 4
    assert f"`luzia send {job['id']} --conflict` has the agent resolve it" in refused.stderr
    assert talker.luzia("send", job["id"], "--conflict", "Keep", "thirty.").returncode == 0
    assert talker.ended(job["id"])["state"] == "completed"
    assert "conflicts with the branch main" in said(talker)
    assert "- README\n" in said(talker)
    assert said(talker).endswith("\n\nKeep thirty.")
    assert talker.project.git("rev-parse", "main") == head
    (work,) = iter_finished(client)
    assert (work.conflicts, work.insertions) == ([], 1)
    assert talker.luzia("merge", job["id"]).returncode == 0
    assert "30 thirty" in (talker.project.root / "README").read_text()


def test_a_name_that_is_no_text_is_shown_and_selected(workshop: Workshop, client: Client) -> None:
    job = workshop.finished("printf x > \"$(printf 'a\\377')\"; git add -A; git commit -qm odd")["id"]
    for words in (("diff", "--json", job), ("diff", "--json", "--hunks", job)):
        shown = workshop.luzia(*words)
        assert (shown.returncode, json.loads(shown.stdout)["path"]) == (0, "a\ufffd"), shown.stderr
    assert "(added)" in workshop.luzia("diff", "--hunks", job).stdout
    accept(client, client.get_job(job), Selection(hunks={"a\udcff": frozenset({1})}))
    assert os.path.exists(os.path.join(os.fsencode(workshop.project.root), b"a\xff"))


def test_changed_files_are_opened_in_the_users_diff_tool_only(workshop: Workshop) -> None:
    job = workshop.finished(EDIT)["id"]
    seen = workshop.project.root.parent / "seen"
    workshop.project.git("config", "difftool.mine.cmd", f"touch {seen}.theirs")
    workshop.project.git("config", "--global", "diff.tool", "mine")
    tool = f'printf "%s " "$MERGED" >> {seen}; cat "$LOCAL" "$REMOTE" >> {seen}.contents'
    workshop.project.git("config", "--global", "difftool.mine.cmd", tool)
    opened = workshop.luzia("diff", "--tool", job)
    assert (opened.returncode, seen.read_text().split()) == (0, ["README", "new"]), opened.stderr
    assert "30 thirty\n" in seen.with_name("seen.contents").read_text()
    assert not seen.with_name("seen.theirs").exists()
    workshop.project.git("config", "diff.x.command", f"touch {seen}.theirs")
    refused = workshop.luzia("diff", "--tool", job)
    assert (refused.returncode, "name a program that git would run instead" in refused.stderr) == (4, True)
    assert not seen.with_name("seen.theirs").exists()


def test_clean_says_as_json_what_was_removed_and_what_is_kept(workshop: Workshop) -> None:
    kept, removed = workshop.finished(EDIT)["id"], workshop.finished("true")["id"]
    results = [json.loads(line) for line in workshop.luzia("clean", "--all", "--json").stdout.splitlines()]
    assert [(result["job"], result["removed"]) for result in results] == [(removed, True), (kept, False)]
    assert (results[0]["why"], "README" in results[1]["why"]) == (None, True)
