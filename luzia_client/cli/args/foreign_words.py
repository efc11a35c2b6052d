"""What people mean by words that are no commands: words of other tools, each with the command line that does it."""

from __future__ import annotations

MEANINGS = {
    "list": "jobs",
    "get": "jobs",
    "queue": "jobs --state queued",
    "view": "jobs ID",
    "describe": "jobs ID",
    "inspect": "jobs ID",
    "watch": "jobs --watch",
    "find": "jobs --search WORDS",
    "history": "jobs --sort ended",
    "tail": "logs -f ID",
    "cat": "logs ID",
    "output": "logs ID",
    "delete": "remove ID",
    "del": "remove ID",
    "abort": "cancel ID",
    "terminate": "cancel ID",
    "rerun": "retry ID",
    "restart": "retry ID",
    "redo": "again ID",
    "repeat": "again ID",
    "stash": "hold ID",
    "enqueue": "release ID",
    "start": "release ID",
    "continue": "resume ID",
    "suspend": "pause ID",
    "submit": "PROJECT TASK",
    "new": "PROJECT TASK",
    "create": "PROJECT TASK",
    "exec": "open ID",
    "ssh": "open ID",
    "attach-session": "attach ID",
    "takeover": "attach ID",
    "fg": "attach ID",
    "bg": "detach ID",
    "cd": "open ID",
    "message": "send ID TEXT",
    "reply": "answer ID TEXT",
    "approve": "answer ID allow",
    "deny": "answer ID deny",
    "explain": "why ID",
    "monitor": "top",
    "htop": "top",
    "ui": "top",
    "dashboard": "web",
    "health": "doctor",
    "cron": "schedule list",
    "reload": "daemon reload",
    "shutdown": "daemon stop",
    "settings": "config get",
    "configure": "config edit",
    "setup": "init",
    "undo": "restore-work ID",
    "prune": "clean --all",
    "gc": "clean --all",
    "cost": "spend",
    "usage": "stats",
    "repos": "projects",
    "group": "projects",
    "parallel": "help order",
    "reset": "cancel --all",
    "switch": "edit ID --priority N",
    "apply": "graph run FILE",
    "-l": "jobs",
    "-c": "logs ID",
    "-t": "logs -f ID",
    "-k": "cancel ID",
    "-r": "remove ID",
    "-w": "wait ID",
    "-S": "help order",
    "-it": "open ID",
    "--resume": "attach ID",
}
"""A word -> the words after `luzia` that do what it means."""


def find_meaning(word: str, following: str = "") -> str | None:
    """The command line that a word means, with `luzia` before it; None when it is not known.

    following: the word behind it, which may be a job.
    """
    line = MEANINGS.get(word, MEANINGS.get(word.lower()))
    if line is None:
        return None
    is_job = following[:1].isdigit() or following[:1] == "@"
    return f"luzia {line.replace(' ID', f' {following}') if is_job else line}"
