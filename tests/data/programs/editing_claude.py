"""Stands in for Claude Code: edits files as its task says, and reports on it as the real one does.

The first argument is a JSON file: task -> {"files": {path: content, null to delete it}, "moves": {old: new},
"summary": its last message, "cost": dollars, "fails": true to end with an error}. What it is told when its session is
resumed is written into the file `told` beside the JSON file, and changes the file CHANGES.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


def say(**event: Any) -> None:
    sys.stdout.write(json.dumps(event) + "\n")


def main() -> None:
    plans, options = Path(sys.argv[1]), sys.argv[2:]
    task = sys.stdin.read()
    session = next(word.partition("=")[2] for word in options if word.startswith(("--session-id=", "--resume=")))
    say(type="system", subtype="init", session_id=session, model="claude-sonnet-4-5", cwd=os.getcwd())
    if any(word.startswith("--resume=") for word in options):
        with open(plans.with_name("told"), "a") as told:
            told.write(json.dumps(task) + "\n")
        plan: dict[str, Any] = {"files": {"CHANGES": f"{task}\n"}, "summary": "I have done what the review says."}
    else:
        plan = json.loads(plans.read_text())[task.strip()]
    for old, new in plan.get("moves", {}).items():
        Path(new).parent.mkdir(parents=True, exist_ok=True)
        os.rename(old, new)
    for name, content in plan.get("files", {}).items():
        if content is None:
            os.unlink(name)
            continue
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content.encode(errors="surrogateescape"))
    text = [{"type": "text", "text": plan["summary"]}]
    say(type="assistant", message={"id": "m1", "model": "claude-sonnet-4-5", "content": text})
    failed = plan.get("fails", False)
    say(
        type="result",
        subtype="error_during_execution" if failed else "success",
        is_error=failed,
        result=plan["summary"],
        session_id=session,
        num_turns=3,
        total_cost_usd=plan.get("cost", 0.12),
        usage={"input_tokens": 3600, "output_tokens": 102},
    )
    sys.exit(1 if failed else 0)


main()
