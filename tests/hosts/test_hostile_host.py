"""A host that lies: whatever it answers, clients here say so in a sentence, stay small, and give nothing away."""

from __future__ import annotations

import json
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from far_host import NAME, FarHost, far_host
from git_projects import Repository
from support import DEADLINE_S, MAIN

PROGRAM = """#!/bin/sh
case "$1" in
daemon) cat {root}/status ;;
*) cat {root}/errors >&2; test ! -s {root}/errors ;;
esac
"""
MIB = 1024 * 1024
MAX_BYTES = 600 * MIB
"""The address space of a client: endless answers would exceed it long before the test's deadline."""


def greet(peer: socket.socket) -> None:
    """What luziad answers to `hello`."""
    peer.sendall(b'{"ok":{}}\n')


class Liar:
    """What a host has in the place of luzia. answers: the line that the daemon sends for each request, by `op`."""

    def __init__(self, host: FarHost) -> None:
        self.host = host
        self.root = host.there.root / "liar"
        self.root.mkdir()
        self.socket = str(self.root / "sock")
        program = self.root / "luzia"
        program.write_text(PROGRAM.format(root=self.root))
        program.chmod(0o755)
        host.configure_server(self.root)
        host.stop()
        host.start()
        self.greeting: Callable[[socket.socket], None] = greet
        self._is_honest = False
        self.answers: dict[str, Any] = {}
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(self.socket)
        self._listening.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def reset(self) -> None:
        """Be honest again. A link to a host that lied only about its jobs is as good as a new one."""
        (self.root / "errors").write_text("")
        self.answers = {}
        if not self._is_honest or self.greeting is not greet:
            self.status(socket=self.socket, version="1", protocol=10**6)
            self.greeting = greet
            self._is_honest = True

    def status(self, **fields: object) -> None:
        """What `luzia daemon status --json` prints there."""
        self.status_text(json.dumps(fields) + "\n")

    def status_text(self, text: str) -> None:
        """The same, as text."""
        self.host.end_links()  # whoever uses one does not ask again
        (self.root / "status").write_text(text)
        self._is_honest = False

    def ask(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command here, with bounded memory. It must end with a sentence."""
        chosen = [] if "--all-hosts" in words else ["--host", NAME]
        command = [sys.executable, "-c", MAIN, *chosen, *words]
        done = subprocess.run(
            command,
            env=self.host.here.env | {"SECRET": "s3cr3t"},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            stdin=subprocess.DEVNULL,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES)),
            **options,
        )
        assert "internal error" not in done.stderr, done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        assert "\x1b" not in done.stdout + done.stderr
        return done

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with suppress(OSError, ValueError), peer, peer.makefile("rb") as reading:
            for line in reading:
                op = json.loads(line)["op"]
                if op == "hello":
                    self.greeting(peer)
                else:
                    answer = self.answers.get(op, {"ok": {}})
                    peer.sendall(answer if isinstance(answer, bytes) else json.dumps(answer).encode() + b"\n")


@pytest.fixture(scope="module")
def liar_host() -> Iterator[Liar]:
    with far_host() as host:
        host.here.start()
        liar = Liar(host)
        yield liar
        liar.close()


@pytest.fixture
def liar(liar_host: Liar) -> Liar:
    liar_host.reset()
    return liar_host


@pytest.mark.parametrize(
    "path",
    ["/tmp/${SECRET}", "%h", "/tmp/%u", "relative", "127.0.0.1:22", "/a:/b", "/a\nb", "/\x1b[2J", "/" + "x" * 200, ""],
)
def test_the_path_of_a_socket_there_is_a_plain_path(liar: Liar, path: str) -> None:
    liar.status(socket=path, version="1", protocol=10**6)
    done = liar.ask("jobs")
    assert (done.returncode, done.stdout) == (3, "")
    assert "s3cr3t" not in done.stderr
    assert "s3cr3t" not in (liar.host.root / "sshd.log").read_text()
    assert "which is not a socket path" in done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        "[1]",
        "[" * 200_000,
        '{"socket": 5}',
        '{"socket": "/a", "version": "\\u001b[2J", "protocol": "x"}',
        '{"socket": "/a", "version": [], "protocol": []}',
        '{"socket": "/a", "protocol": 1e999}',
        '{"socket": "/a", "protocol": ' + "9" * 5000 + "}",
    ],
    ids=lambda text: text[:40],
)
def test_a_status_that_is_none_is_told(liar: Liar, text: str) -> None:
    liar.status_text(text)
    assert liar.ask("jobs").returncode == 3


def test_an_output_without_an_end_is_cut(liar: Liar) -> None:
    liar.status_text("")
    (liar.root / "status").unlink()
    (liar.root / "status").symlink_to("/dev/zero")
    try:
        assert liar.ask("jobs").returncode == 3
    finally:
        (liar.root / "status").unlink()


def endless(peer: socket.socket) -> None:
    with suppress(OSError):
        while True:
            peer.sendall(bytes(MIB))


@pytest.mark.parametrize(
    "line",
    [
        b"garbage\n",
        b"5\n",
        b"[" * 200_000 + b"\n",
        b'{"error": 5}\n',
        b'{"error": {}}\n',
        b'{"error": {"code": [], "message": 5}}\n',
        b'{"error": {"code": "unsupported_version", "message": "\\u001b[2J"}}\n',
        b"\xff\xfe\n",
        None,
    ],
    ids=lambda line: repr(line)[:40],
)
def test_a_greeting_that_is_none_is_told(liar: Liar, line: bytes | None) -> None:
    liar.greeting = endless if line is None else lambda peer: peer.sendall(line)
    done = liar.ask("jobs")
    assert (done.returncode, done.stdout) == (3, "")


JOB: dict[str, Any] = {"id": "113754-a2f5", "state": "completed", "project": "p", "agent": "shell", "task": "t"}
PAGE: dict[str, Any] = {"jobs": [], "counts": {}, "next": None}
TREE = {
    "path": "/there",
    "repository": "/there",
    "branch": "luzia/113754-a2f5",
    "base": "0" * 40,
    "onto": "main",
    "directory": "/there",
}


@pytest.mark.parametrize(
    "page",
    [
        {"ok": 5},
        {"ok": {}},
        {"ok": PAGE | {"jobs": [5]}},
        {"ok": PAGE | {"jobs": [{}]}},
        {"ok": PAGE | {"jobs": [JOB | {"created_at": "tomorrow"}]}},
        {"ok": PAGE | {"jobs": [JOB | {"id": ["\x1b[2J"]}]}},
        {"ok": PAGE | {"jobs": [JOB | {"state": "\x1b[2J"}]}},
        {"ok": PAGE | {"counts": [1]}},
        {"ok": PAGE | {"counts": {"running": "\x1b[2J"}}},
        {"ok": PAGE | {"notices": [5]}},
        {"ok": PAGE | {"jobs": [JOB], "next": 7}},
        b'{"ok":' + b"[" * 200_000 + b"\n",
        b'{"ok":{"jobs":' + b"9" * 10_000 + b"}}\n",
        b'{"ok":\xff}\n',
        b"\xff\n",
    ],
    ids=lambda page: repr(page)[:90],
)
@pytest.mark.parametrize("words", [["jobs"], ["jobs", "--all-hosts"]])
def test_a_list_that_is_none_is_told(liar: Liar, words: list[str], page: object) -> None:
    liar.answers["list"] = page
    assert liar.ask(*words).returncode in (0, 3)


@pytest.mark.parametrize("words", [["--all"], ["--json"], ["--all-hosts", "--all"]])
def test_a_list_without_an_end_is_told(liar: Liar, words: list[str]) -> None:
    liar.answers["list"] = {"ok": PAGE | {"jobs": [JOB], "next": 7}}
    assert liar.ask("jobs", *words).returncode in (0, 3)


@pytest.mark.parametrize("words", [["jobs", "113754-a2f5"], ["jobs", "113754-a2f5", "--json"]])
@pytest.mark.parametrize("job", [5, {}, JOB | {"state": 5}, JOB | {"attempts": [5]}, JOB | {"worktree": [1]}], ids=repr)
def test_a_job_that_is_none_is_told(liar: Liar, words: list[str], job: object) -> None:
    liar.answers["status"] = {"ok": {"job": job}}
    assert liar.ask(*words).returncode == 3


@pytest.mark.parametrize(
    "answer",
    [
        b'{"ok":{"job":"\\u001b[2J","name":"a","project":"b"}}\n',
        b'{"ok":{"job":"a","name":"\\u001b[2J","project":"b"}}\n',
        b'{"ok":{"job":"a"}}\n',
        b'{"ok":{"job":"a","name":[1],"project":5}}\n',
        b'{"ok":{"job":"' + b"x" * 5 * MIB + b'"}}\n',
        b"5\n",
    ],
    ids=lambda answer: answer[:50].decode(),
)
def test_an_acceptance_that_is_none_is_told(liar: Liar, answer: bytes) -> None:
    liar.answers["dispatch"] = answer
    done = liar.ask("overbits", "true")
    assert (done.returncode, done.stdout) == (3, "")


@pytest.mark.parametrize(
    ("job", "tree"),
    [
        (JOB, {"branch": "main"}),
        (JOB, {"branch": "mine"}),
        (JOB, {"branch": "*"}),
        (JOB, {"branch": "luzia/*"}),
        (JOB, {"branch": "-x"}),
        (JOB, {"repository": "x"}),
        (JOB | {"id": "../heads/mine"}, {"branch": "luzia/../heads/mine"}),
    ],
    ids=repr,
)
def test_a_host_does_not_choose_which_branch_here_is_replaced(
    liar: Liar, tmp_path: Path, job: dict[str, Any], tree: dict[str, Any]
) -> None:
    """A host with another repository could have a branch here deleted, too, which has no commit in common with it."""
    theirs = Repository(tmp_path / "theirs", liar.host.here.root).init()
    for name in ("mine", "luzia/113754-a2f5"):
        theirs.git("branch", name)
    ours = Repository(tmp_path / "ours", liar.host.here.root).init()
    ours.write("work", "work\n")
    ours.commit("work")
    ours.git("branch", "mine")
    before = ours.git("show-ref")
    there = {**TREE, "repository": str(theirs.root), "path": str(theirs.root), **tree}
    moment = "2026-11-30T10:00:00Z"
    whole = {**JOB, **job, "created_at": moment, "ended_at": moment, "directory": "/", "name": "n", "worktree": there}
    liar.answers["status"] = {"ok": {"job": whole}}
    liar.host.here.env["HOME"] = str(liar.host.here.root)
    done = liar.ask("merge", "--no-verify", "113754-a2f5", cwd=ours.root)
    assert done.returncode == 4, done.stderr
    assert "which is not a branch created by luzia" in done.stderr
    assert ours.git("show-ref") == before
