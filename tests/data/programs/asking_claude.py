"""Stands in for Claude Code: asks over stream-json as the real one does, and waits for its stdin to end at the end.

The task is a JSON list of steps: ["Bash", {"command": ..}], a call of a tool that needs a permission, or
["withdraw", 1], which takes the first question back. It writes what it was told into the file `told` beside it.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def say(**event: Any) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def hear() -> Any:
    line = sys.stdin.readline()
    if not line:
        sys.exit(3)
    return json.loads(line)


def ask(number: int, tool: str, given: Any) -> None:
    use = {"type": "tool_use", "id": f"tool-{number}", "name": tool, "input": given}
    say(type="assistant", message={"id": f"m{number}", "model": "stub", "content": [use]})
    request = {"subtype": "can_use_tool", "tool_name": tool, "input": given, "tool_use_id": f"tool-{number}"}
    say(type="control_request", request_id=f"request-{number}", request=request)


def result(number: int, response: Any) -> None:
    content = json.dumps(response.get("updatedInput", response.get("message")))
    block = {"type": "tool_result", "tool_use_id": f"tool-{number}", "content": content}
    say(type="user", message={"role": "user", "content": [block]})


def main() -> None:
    if "--permission-prompt-tool=stdio" not in sys.argv:
        sys.exit(4)
    steps = json.loads(hear()["message"]["content"])
    say(type="system", subtype="init", session_id="session", model="stub")
    open_ones: dict[int, str] = {}
    denials: list[dict[str, str]] = []
    for number, step in enumerate(steps, 1):
        if step[0] == "withdraw":
            del open_ones[step[1]]
            say(type="control_cancel_request", request_id=f"request-{step[1]}")
        else:
            ask(number, *step)
            open_ones[number] = step[0]
    while open_ones:
        heard = hear()["response"]
        number = int(heard["request_id"].rpartition("-")[2])
        with open("told", "a") as file:
            file.write(json.dumps(heard) + "\n")
        if number not in open_ones:
            continue
        if heard["response"]["behavior"] == "deny":
            denials.append({"tool_name": open_ones[number], "tool_use_id": f"tool-{number}"})
        del open_ones[number]
        result(number, heard["response"])
    say(type="assistant", message={"id": "last", "model": "stub", "content": [{"type": "text", "text": "Done."}]})
    say(type="result", subtype="success", is_error=False, result="Done.", permission_denials=denials)
    sys.stdin.read()


main()
