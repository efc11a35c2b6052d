"""A program that prints what Claude Code would, as far as these tests need it, by what it is asked in its prompt.

It notes down each of its runs in `calls` beside itself: its session, whether it was resumed, and the prompt.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

from support import Connection, PrivateDaemon, ended, status

SOURCE = r"""#!{python}
import json, os, sys, time

words = sys.argv[1:]
given = [word.partition("=")[2] for word in words if word.startswith(("--session-id=", "--resume="))]
session = given[0] if given else "5e55-1"
resumed = any(word.startswith("--resume=") for word in words)
prompt = sys.stdin.read()
here = os.path.dirname(os.path.abspath(__file__))
with open(here + "/calls", "a") as calls:
    print(json.dumps({{"session": session, "resumed": resumed, "prompt": prompt, "argv": words}}), file=calls)

def say(**event):
    print(json.dumps(event | {{"session_id": session}}), flush=True)

def answer(text):
    content = [{{"type": "text", "text": text}}]
    say(type="assistant", message={{"id": text, "role": "assistant", "model": "m", "content": content}})

def finish(text, cost=0.25, **more):
    say(**{{"type": "result", "subtype": "success", "is_error": False, "result": text, "total_cost_usd": cost,
           "num_turns": 1, "permission_denials": [], **more}})

say(type="system", subtype="init", model="m", claude_code_version="2.1.0")
deed = prompt.split()[0] if not resumed else "resumed:" + prompt.split()[0]
if os.path.exists(here + "/busy") and deed != "ask":
    os.remove(here + "/busy")
    finish("API Error: 529 Overloaded", is_error=True, api_error_status=529)
    sys.exit(1)
if os.path.exists(here + "/broke"):
    finish(open(here + "/broke").read(), is_error=True)
    sys.exit(1)
if deed.startswith("guess") and not resumed:
    finish("You've hit your usage limit. Try again later.", is_error=True)
    sys.exit(1)
if deed.startswith("limit") and not resumed:
    wait_s = float(deed.partition(":")[2] or 3600)
    info = {{"status": "rejected", "resetsAt": time.time() + wait_s, "rateLimitType": "five_hour"}}
    say(type="rate_limit_event", rate_limit_info=info)
    if "hang" in prompt:
        time.sleep(600)
    finish("You've hit your session limit", is_error=True, api_error_status=429)
    sys.exit(1)
if deed == "fail":
    answer("trying")
    finish("it went wrong", is_error=True)
    sys.exit(1)
if deed == "wait":
    answer("waiting")
    while not os.path.exists(here + "/go"):
        time.sleep(0.01)
if deed == "spend":
    for turn in range(1000):
        answer("turn %d" % turn)
        time.sleep(0.05)
answer("done: " + prompt)
finish("done")
"""


class AgentDaemon:
    """A daemon with the program on its jobs' PATH."""

    def __init__(self, daemon: PrivateDaemon) -> None:
        self.daemon = daemon
        self.bin = install(daemon.root / "bin")

    def dispatch(self, wire: Connection, task: str = "work", agent: str = "claude", **more: object) -> str:
        request = {"op": "dispatch", "project": "overbits", "task": task, "agent": agent, **more}
        job: str = wire.ok(**request, client_env={"PATH": path_with(self.bin)})["job"]
        return job

    def calls(self) -> list[dict[str, Any]]:
        """What the program was asked, run by run."""
        return [json.loads(line) for line in (self.bin / "calls").read_text().splitlines()]


def ended_job(wire: Connection, job: str) -> dict[str, Any]:
    """Everything about a job, once it has ended."""
    ended(wire, job)
    return status(wire, job)


def install(directory: Path) -> Path:
    """Put the program there as `claude`; returns the directory, for a PATH."""
    directory.mkdir(exist_ok=True)
    program = directory / "claude"
    program.write_text(SOURCE.format(python=sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return directory


def path_with(directory: Path) -> str:
    """A PATH on which the program comes first."""
    return f"{directory}:{os.environ['PATH']}"
