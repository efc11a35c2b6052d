"""Stands in for Claude Code: says its arguments and the task on its stdin, as one message and the result."""

from __future__ import annotations

import json
import sys

if "--version" in sys.argv:
    print("2.1.0 (Claude Code)")
else:
    text = json.dumps([sys.argv[1:], sys.stdin.read()])
    message = {"id": "m1", "model": "stub", "content": [{"type": "text", "text": text}]}
    print(json.dumps({"type": "assistant", "message": message}))
    print(json.dumps({"type": "result", "subtype": "success", "is_error": False, "result": text}))
