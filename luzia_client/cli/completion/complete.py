"""Completion: `luzia --complete SHELL WORD…`, where the last word is the one being typed.

The first line of the output instructs the shell: `files` or `directories` to add these, `nospace` to append no space,
`instead` to replace the typed word. The candidates follow, each with its description after a tab. On any error nothing
is printed.
"""

from __future__ import annotations

import os

from luzia_protocol import environment

from luzia_client.cli.completion.engine import Candidates, Line, ask_daemon
from luzia_client.cli.show.light_json import load_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    CompleteValue = Callable[[str, str, str, dict[str, Any]], Candidates]

DISPATCH_COMMANDS = ("dispatch", "run")
LIVE_STATES = ("queued", "starting", "running", "paused", "waiting", "stopping")
FINAL_STATES = ("completed", "failed", "cancelled", "timed_out", "skipped", "lost")
COMMAND_STATES = {
    "answer": ("waiting",),
    "cancel": LIVE_STATES,
    "clean": FINAL_STATES,
    "discard": FINAL_STATES,
    "restore-work": FINAL_STATES,
    "edit": ("queued",),
    "hold": ("queued",),
    "merge": FINAL_STATES,
    "pause": ("running",),
    "progress": LIVE_STATES,
    "release": ("queued",),
    "remove": FINAL_STATES,
    "resume": ("paused",),
    "retry": FINAL_STATES,
    "wait": LIVE_STATES,
}
"""Command -> the states of the jobs that it applies to; other commands apply to all."""
REFERENCES = {
    "@last": "your last dispatched job",
    "@running": "the newest of your running jobs",
    "@failed": "the newest of your failed jobs",
}
MAX_JOBS = 100
"""The newest jobs that are offered."""


def run(words: list[str]) -> int:
    """Print the candidates; returns the exit status, which is 0 also on errors."""
    from luzia_client.cli.completion.engine import format_candidates

    shell, *line = words or [""]
    try:
        print(
            format_candidates(complete_word(load_commands(), Line(shell, _choose_host(line)), complete_value), shell),
            end="",
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return 0  # a message would disturb the line that is being typed
    return 0


def load_commands() -> dict[str, Any]:
    """The table of the commands' arguments, which is generated from their parsers."""
    with open(os.path.join(os.path.dirname(__file__), "data", "commands.json"), "rb") as file:
        return load_object(file.read())


def complete_word(table: dict[str, Any], line: Line, values: CompleteValue) -> Candidates:
    """The candidates for the word being typed. values: completes a value, like `complete_value`."""
    commands = table["commands"]
    if (host := _host_option(line)) is not None:
        typed, prefix = host
        return values("host", "", typed, table).with_prefix(prefix)
    if not line.before and not line.typed.startswith("-"):
        names = {name: command["text"] for name, command in commands.items()}
        if line.typed:  # all of them would hide the commands
            names |= {alias: f"{commands[name]['text']} (luzia {name})" for alias, name in table["aliases"].items()}
        return Candidates(line.typed, names, directories=True).merge(values("project", "", line.typed, table))
    first = line.before[0] if line.before else ""
    name = table["aliases"].get(first, first if first in commands else "")
    command = commands[name or "dispatch"]
    words = line.before[1:] if name else line.before
    return _complete_argument(table, command, name, words, line.typed, values)


def _host_option(line: Line) -> tuple[str, str] | None:
    """The value of --host that is being typed, if it is, and what stands before it in its word."""
    if line.before == ["--host"]:
        return line.typed, ""
    if not line.before and line.typed.startswith("--host="):
        return line.typed.removeprefix("--host="), "--host="
    return None


def _choose_host(words: list[str]) -> list[str]:
    """The words without --host, after the choice of that host for what asks its daemon, if its link is open."""
    if words[:1] == ["--host"] and len(words) > 2:
        host, rest = words[1], words[2:]
    elif len(words) > 1 and words[0].startswith("--host="):
        host, rest = words[0].removeprefix("--host="), words[1:]
    else:
        return words
    from luzia_client.hosts.link_files import path_of

    os.environ["LUZIA_SOCKET"] = path_of(host, "sock")
    return rest


def _complete_argument(
    table: dict[str, Any], command: dict[str, Any], name: str, words: list[str], typed: str, values: CompleteValue
) -> Candidates:
    """Complete a word of a command: the value of an option, an option, or an argument."""
    dispatching = not name or name in DISPATCH_COMMANDS
    options = command["options"]
    pending, place, bare = "", 0, False
    for word in words:
        if pending:
            pending = ""
        elif word == "--" and not bare:
            bare = True
        elif word.startswith("-") and word != "-" and not bare:
            option, equals, _ = word.partition("=")
            pending = "" if equals else options.get(option, [""])[0]
        elif word in command.get("actions", {}):
            command, place = command["actions"][word], 0
            options = {**options, **command["options"]}
        else:
            place += 1
            bare = bare or (dispatching and place > 1)
    if pending:
        return values(pending, name, typed, table)
    option, equals, value = typed.partition("=")
    if equals and option in options and not bare:
        return values(options[option][0], name, value, table).with_prefix(f"{option}=")
    if typed.startswith("-") and not bare:
        return Candidates(
            typed, {name: text for name, (_, text) in options.items() if len(typed) < 2 or name[:2] == "--"}
        )
    kinds = ["|".join(command["actions"])] if "actions" in command else command["words"]
    if dispatching and (bare or place):
        return Candidates(typed, {}, files=True)
    kind = kinds[place] if place < len(kinds) else kinds[-1] if kinds and kinds[-1][-1:] == "…" else "-"
    found = values(kind.rstrip("…"), name, typed, table)
    if "actions" in command:
        found.values = {value: command["actions"][value]["text"] for value in found.values}
    return found


def complete_value(kind: str, command: str, typed: str, table: dict[str, Any]) -> Candidates:
    """Complete a value of a kind that data/commands.json names."""
    if kind == "job":
        return _complete_job(typed, command)
    if kind == "jobs":
        head, comma, last = typed.rpartition(",")
        return _complete_job(last, command).with_prefix(head + comma)
    if kind == "project":
        projects = ask_daemon({"op": "projects"}).get("projects", [])
        names = {project["name"]: project["path"] for project in projects}
        if command != "projects":  # directories with jobs have a name as well
            jobs = ask_daemon({"op": "list", "limit": MAX_JOBS}).get("jobs", [])
            names = {job["project"]: "" for job in jobs} | names
        if "LUZIA_SOCKET" not in os.environ and environment.config_mentions(b"host"):
            from luzia_client.hosts.settings import host_projects

            names |= {name: f"on {host}" for name, host in host_projects().items()}
        return Candidates(typed, names | ({} if command else _user_aliases()), directories=True)
    if kind == "agent":
        agents = ask_daemon({"op": "agents", "versions": False}).get("agents", [])
        return Candidates(typed, {agent["name"]: "" if agent["installed"] else "not installed" for agent in agents})
    if kind in ("model", "permission_mode"):
        agents = ask_daemon({"op": "agents", "versions": False}).get("agents", [])
        return offer_of_agents(typed, [(agent["name"], agent.get(f"{kind}s", [])) for agent in agents])
    if kind == "schedule":
        schedules = ask_daemon({"op": "schedule_list"}).get("schedules", [])
        return Candidates(typed, {schedule["name"]: schedule["cron"] for schedule in schedules})
    if kind == "host":
        from luzia_client.hosts.settings import LOCAL, destinations

        return Candidates(typed, destinations() | ({} if command else {LOCAL: "this machine"}))
    if kind == "tag":
        jobs = ask_daemon({"op": "list", "limit": MAX_JOBS}).get("jobs", [])
        return Candidates(typed, {f"{key}={value}": "" for job in jobs for key, value in job.get("tags", {}).items()})
    return complete_static_value(kind, typed, table)


def _user_aliases() -> dict[str, str]:
    """The aliases of the user, each with its command line."""
    if not environment.config_mentions(b"aliases"):
        return {}
    from luzia_client.cli.args.user_aliases import read_aliases

    return read_aliases()


def offer_of_agents(typed: str, words: Iterable[tuple[str, Sequence[str]]]) -> Candidates:
    """Complete a word that agents know, described by those that know it. words: by agent."""
    agents: dict[str, list[str]] = {}
    for agent, of_agent in words:
        for word in of_agent:
            agents.setdefault(word, []).append(agent)
    return Candidates(typed, {word: ", ".join(names) for word, names in agents.items()})


def complete_static_value(kind: str, typed: str, table: dict[str, Any]) -> Candidates:
    """Complete a value without the daemon: from the table, or from a kind such as `one|other`."""
    if kind in table["words"]:
        head, comma, last = typed.rpartition(",")
        unused = [word for word in table["words"][kind] if word not in head.split(",")]
        return Candidates(last, dict.fromkeys(unused, "")).with_prefix(head + comma)
    if kind == "topic":
        names = {name: each["text"] for name, each in table["commands"].items()}
        return Candidates(typed, names | table["topics"])
    if kind in ("file", "directory"):
        return Candidates(typed, {}, files=kind == "file", directories=kind == "directory")
    return Candidates(typed, {} if kind in ("", "-") else dict.fromkeys(kind.split("|"), ""))


def _complete_job(typed: str, command: str) -> Candidates:
    """Complete a job id, described by state and task; also from the end of an id, if it is unambiguous."""
    request = {"op": "list", "limit": MAX_JOBS, "states": COMMAND_STATES.get(command, ())}
    jobs = ask_daemon(request).get("jobs", [])
    by_name = typed.startswith("agent:")
    known = {job["name" if by_name else "id"]: f"{job['state'].replace('_', ' ')}: {job['task']}" for job in jobs}
    if typed.startswith("@"):
        known = REFERENCES
    found = Candidates(typed, known)
    ends = [job for job in known if job.endswith(typed)] if typed and not found.values else []
    if len(ends) == 1:
        found.values, found.instead = {ends[0]: known[ends[0]]}, True
    return found
