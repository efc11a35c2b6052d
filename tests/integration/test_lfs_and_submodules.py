"""Worktrees of projects with submodules, and with files of the real git-lfs, from the dispatch to the merge."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from integration.test_ready_worktrees import Start, Yard, start

__all__ = ["start"]

BIG = "large content\n" * 1000


def is_pointer(text: str) -> bool:
    return text.startswith("version https://git-lfs.github.com/spec/v1\n")


def luzia(yard: Yard, *words: str) -> str:
    done = yard.daemon.run(*words, cwd=yard.project.root)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("git-lfs") is None, reason="git-lfs is not installed")
def test_files_of_git_lfs_are_whole_in_the_worktree_and_pointers_in_every_commit(start: Start) -> None:
    yard = start("")
    yard.project.git("lfs", "install", "--skip-repo")
    yard.project.write(".gitattributes", "*.big filter=lfs diff=lfs merge=lfs -text\n")
    yard.project.write("a.big", BIG)
    yard.project.commit("a large file")
    assert is_pointer(yard.project.git("show", "HEAD:a.big"))
    job = yard.finished("wc -c < a.big; cat a.big a.big > b.big; echo more >> a.big")
    assert yard.logs(job).split() == [str(len(BIG))]
    tree = Path(job["worktree"]["path"])
    luzia(yard, "discard", "--yes", job["id"])
    assert not tree.exists()
    luzia(yard, "restore-work", job["id"])
    assert (tree / "b.big").read_text() == BIG * 2
    luzia(yard, "merge", "--commit", job["id"])
    assert all(is_pointer(yard.project.git("show", f"HEAD:{name}")) for name in ("a.big", "b.big"))
    assert (yard.project.root / "a.big").read_text() == f"{BIG}more\n"
    assert (yard.project.root / "b.big").read_text() == BIG * 2
    luzia(yard, "clean", job["id"])
    assert yard.project.git("status", "--porcelain") == ""


def test_work_in_a_submodule_is_verified_merged_and_handed_on(start: Start) -> None:
    yard = start("")
    far = yard.project.at(yard.project.root.parent / "far").init()
    yard.project.git("submodule", "--quiet", "add", str(far.root), "lib")
    yard.project.commit("with lib")
    shutil.rmtree(far.root)
    yard.daemon.config_file.write_text(
        yard.daemon.config_file.read_text().replace(
            "[projects.overbits.worktree]", 'verify = "test -e lib/new"\n[projects.overbits.worktree]'
        )
    )
    yard.ok(op="reload")
    job = yard.finished("cd lib && cat README && echo new > new && git add new && git commit -qm new")
    assert (job["state"], yard.logs(job)) == ("completed", "first\n")
    second = yard.finished("cat lib/new", after=[job["id"]], with_work=True)
    assert (second["state"], yard.logs(second)) == ("completed", "new\n")
    luzia(yard, "merge", "--commit", job["id"])
    yard.project.git("submodule", "--quiet", "update")
    assert (yard.project.root / "lib" / "new").read_text() == "new\n"
    luzia(yard, "clean", job["id"])
    assert not Path(job["worktree"]["path"]).exists()


def test_git_has_the_path_the_proxy_and_the_agents_socket_of_the_shell_that_dispatches(
    start: Start, tmp_path: Path
) -> None:
    yard = start("")
    shown = tmp_path / "shown"
    git = tmp_path / "git"
    git.write_text(
        f'#!/bin/sh\nprintf "%s %s\\n" "$https_proxy" "$SSH_AUTH_SOCK" >> {shown}\nexec {shutil.which("git")} "$@"\n'
    )
    git.chmod(0o755)
    # Of the shell: the daemon runs already.
    yard.daemon.env |= {"PATH": f"{tmp_path}:{yard.daemon.env['PATH']}", "https_proxy": "http://proxy.invalid:1"}
    yard.daemon.env |= {"SSH_AUTH_SOCK": "/nowhere/agent"}
    name = luzia(yard, "overbits", "echo work > file").strip()
    luzia(yard, "wait", name)
    assert set(shown.read_text().splitlines()) == {"http://proxy.invalid:1 /nowhere/agent"}
