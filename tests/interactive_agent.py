"""A stand-in for Claude Code, headless as `claude -p`; without that it runs in a terminal, where it takes commands.

In a terminal it prints its session and then does what it reads: `exit N`; `size` prints the size of the terminal;
`stop` stops itself as agents do at Ctrl-Z; `child` leaves a process behind; `deaf` ignores all requests to end;
`spend USD` notes the session's cost as Claude Code does. Every run is noted in `calls` beside it.
"""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from typing import Any, Protocol

SOURCE = r"""#!{python}
import json, os, signal, subprocess, sys, time

words = sys.argv[1:]
here = os.path.dirname(os.path.abspath(__file__))
session = next((w.partition("=")[2] for w in words if w.startswith(("--session-id=", "--resume="))), "5e55-1")
headless = "-p" in words
asks = "--input-format=stream-json" in words
prompt = None if not headless else json.loads(sys.stdin.readline())["message"]["content"] if asks else sys.stdin.read()
names = ("LUZIA_JOB_ID", "LUZIA_ATTEMPT", "SECRET", "TERM")
env = {{name: os.environ.get(name) for name in names}}
with open(here + "/calls", "a") as calls:
    run = {{"pid": os.getpid(), "session": session, "headless": headless, "prompt": prompt, "argv": words,
           "cwd": os.getcwd(), "env": env}}
    print(json.dumps(run), file=calls)

def say(**event):
    print(json.dumps(event | {{"session_id": session}}), flush=True)

def result(**more):
    say(**{{"type": "result", "subtype": "success", "is_error": False, "result": "done", "total_cost_usd": 0.25,
           "num_turns": 1, "permission_denials": [], **more}})

if headless:
    say(type="system", subtype="init", model="m", claude_code_version="2.1.300")
    content = [{{"type": "text", "text": "working"}}]
    say(type="assistant", message={{"id": "a", "role": "assistant", "model": "m", "content": content}})
    if prompt.startswith("ask"):
        wish = {{"subtype": "can_use_tool", "tool_name": "Bash", "input": {{"command": "ls"}}, "tool_use_id": "t1"}}
        say(type="control_request", request_id="q1", request=wish)
        sys.stdin.readline()
    if prompt.startswith("wait"):
        while not os.path.exists(here + "/go"):
            time.sleep(0.01)
    if prompt.startswith("fail"):
        result(is_error=True, result="it went wrong")
        sys.exit(1)
    result()
    sys.exit(0)

print("OPENED " + session, flush=True)
for line in sys.stdin:
    deed, _, value = line.strip().partition(" ")
    if deed == "spend":
        noted = {{"lastSessionId": session, "lastCost": float(value), "lastTotalInputTokens": 500,
                 "lastTotalOutputTokens": 50}}
        with open(os.environ["HOME"] + "/.claude.json", "w") as file:
            json.dump({{"projects": {{os.getcwd(): noted}}}}, file)
        print("SPENT", flush=True)
    if deed == "exit":
        print("BYE", flush=True)
        sys.exit(int(value or 0))
    if deed == "size":
        print("SIZE", *os.get_terminal_size(), flush=True)
    if deed == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
        print("CONTINUED", flush=True)
    if deed == "child":
        child = subprocess.Popen(["sleep", "600"], start_new_session=True)
        print("CHILD", child.pid, flush=True)
    if deed == "deaf":
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        print("DEAF", flush=True)
"""


class Luzia(Protocol):
    """A luzia of a test's own, of either kind. env: that of its commands and of the daemon that it starts next."""

    env: dict[str, str]

    @property
    def root(self) -> str | Path: ...


class InteractiveAgent:
    """The stand-in, on the PATH of a luzia's commands and jobs."""

    def __init__(self, luzia: Luzia, *names: str) -> None:
        self._bin = Path(luzia.root, "agents")
        self._bin.mkdir()
        for name in names or ("claude",):
            program = self._bin / name
            program.write_text(SOURCE.format(python=sys.executable))
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
        luzia.env["PATH"] = f"{self._bin}:{luzia.env['PATH']}"

    def calls(self) -> list[dict[str, Any]]:
        """Its runs, oldest first."""
        file = self._bin / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def go(self) -> None:
        """Let the jobs that wait complete."""
        (self._bin / "go").touch()
