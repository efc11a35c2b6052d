"""What people mean by words that are no commands: words of other tools, each with the command line that does it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    "groups": "projects",
    "parallel": "help order",
    "scale": "help order",
    "rollout": "retry ID",
    "events": "follow --all",
    "env": "help environment",
    "auth": "agents",
    "login": "agents",
    "workflow": "graph run FILE",
    "job": "jobs ID",
    "task": "PROJECT TASK",
    "tasks": "jobs",
    "reset": "cancel --all",
    "switch": "edit ID --priority N",
    "apply": "graph run FILE",
    "-l": "jobs",
    "-i": "jobs ID",
    "-p": "PROJECT TASK",
    "-u": "edit ID --priority N",
    "-U": "edit ID --priority N",
    "-C": "remove --all",
    "-K": "daemon stop",
    "-v": "version",
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


NOUNS = frozenset({"job", "jobs", "task", "tasks", "run", "runs", "pod", "pods"})
"""Words for a job that other tools put before a verb, or behind it."""

OPTION_MEANINGS = {
    ("jobs", "-q"): "jobs --format id",
    ("jobs", "-o"): "jobs --format COLUMNS",
    ("jobs", "-A"): "jobs --all-hosts",
    ("cancel", "-9"): "cancel ID",
    ("cancel", "-f"): "cancel --yes",
    ("cancel", "--force"): "cancel --yes",
    ("remove", "-f"): "cancel ID",
    ("remove", "--force"): "cancel ID",
    ("logs", "-t"): "logs -f ID",
    ("config", "--list"): "config get",
    ("config", "-l"): "config get",
}
"""A command and an option that it does not have -> the words after `luzia` that do what it means."""

ACTION_MEANINGS = {
    ("config", "list"): "config get",
    ("config", "show"): "config get",
    ("config", "view"): "config get",
    ("config", "unset"): "config edit",
    ("config", "validate"): "config check",
    ("daemon", "logs"): "daemon status",
    ("schedule", "rm"): "schedule remove NAME",
    ("projects", "rm"): "projects remove NAME",
    ("hosts", "rm"): "hosts remove NAME",
}
"""A command and an action that it does not have -> the words after `luzia` that do what it means."""


def find_meaning(word: str, following: Sequence[str] = (), commands: Mapping[str, str] | None = None) -> str | None:
    """The command line that a word means, with `luzia` before it; None when it is not known.

    following: the words behind it: `jobs` of `get jobs`, `list` of `task list`, or a job.
    commands: luzia's own, by each of their names, for `job cancel ID`.
    """
    verb, *rest = word, *following
    own = commands or {}
    after_noun = verb in NOUNS and bool(rest) and (rest[0] in MEANINGS or rest[0] in own)
    if after_noun:
        verb, *rest = rest
    elif rest and rest[0] in NOUNS:
        del rest[0]
    line = MEANINGS.get(verb) if verb[:1] == "-" else MEANINGS.get(verb, MEANINGS.get(verb.lower()))
    if line is None and after_noun:
        line = f"{own[verb]} ID"
    if line is None:
        return None
    job = rest[0] if rest and (rest[0][:1].isdigit() or rest[0][:1] == "@") else ""
    if job and " ID" not in line and line.partition(" ")[0] == "jobs":
        line = line.replace("jobs", "jobs ID", 1)
    return f"luzia {line.replace(' ID', f' {job}') if job else line}"
