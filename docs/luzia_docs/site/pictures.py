"""Takes pictures of the real screens into docs/pictures: `make pictures`, optionally with the names of some of them.

Each picture shows a terminal that runs the real program with a private daemon. The agents print recorded output of real
agents (tests/data/recordings). Run this after changing a screen; ids and times differ each time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "tests"))

from luzia_docs.site import hand_pictures, review_pictures  # noqa: E402
from luzia_docs.site.attach_picture import attach  # noqa: E402
from luzia_docs.site.scene import (  # noqa: E402
    dispatch_examples,
    dispatch_history,
    example_daemon,
    is_ready,
    type_commands,
    user_shell,
)
from luzia_docs.site.svg import render_svg  # noqa: E402
from new_user import NewUser  # noqa: E402
from private_luzia import private_luzia  # noqa: E402
from support import eventually  # noqa: E402
from terminal import terminal  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"

GRAPH = """
[jobs.tests]
project = "overbits"
argv = ["true"]

[jobs.button]
project = "overbits"
task = "fix the login button"
after = ["tests"]

[jobs.header]
project = "website"
task = "fix the button of the header"
after = ["tests"]

[jobs.release]
project = "overbits"
argv = ["true"]
after = ["button", "header"]
"""


def first_steps() -> str:
    """A dispatch and its result."""
    with example_daemon() as daemon, user_shell(daemon) as screen:
        type_commands(screen, "luzia overbits fix the login button", "luzia wait @last", "luzia jobs")
        return render_svg(screen, "luzia")


def job() -> str:
    """Details of one job."""
    with example_daemon() as daemon, user_shell(daemon, rows=36) as screen:
        type_commands(screen, "luzia -q overbits fix the login button", "luzia wait @last", "clear")
        type_commands(screen, "luzia jobs @last")
        return render_svg(screen, "luzia jobs ID")


def jobs() -> str:
    """The list of jobs."""
    with example_daemon() as daemon:
        dispatch_examples(daemon)
        with user_shell(daemon, rows=20) as screen:
            type_commands(screen, "luzia jobs")
            return render_svg(screen, "luzia jobs")


def transcript() -> str:
    """The transcript of an agent."""
    with example_daemon() as daemon, user_shell(daemon, rows=20) as screen:
        daemon.run("overbits", "fix the login button")
        type_commands(screen, "luzia wait @last", "clear", "luzia logs @last")
        return render_svg(screen, "luzia logs")


def watching() -> str:
    """The live list of jobs."""
    with example_daemon() as daemon:
        dispatch_examples(daemon)
        with user_shell(daemon, rows=14) as screen:
            screen.press("luzia jobs --watch", "enter")
            screen.shows("describe the new", "plan 0/2")
            return render_svg(screen, "luzia jobs --watch")


def follow() -> str:
    """The interleaved output of several jobs."""
    with example_daemon() as daemon, user_shell(daemon, rows=22) as screen:
        for project, task in (("overbits", "fix the login button"), ("website", "fix the button of the header")):
            daemon.run(project, task)
        type_commands(screen, "luzia follow --all")
        return render_svg(screen, "luzia follow")


def graph() -> str:
    """A graph of jobs."""
    with example_daemon() as daemon, user_shell(daemon, rows=16) as screen:
        daemon.project.joinpath("release.toml").write_text(GRAPH)
        type_commands(screen, "luzia graph run release.toml", "luzia wait @last", "clear", "luzia graph show @last")
        return render_svg(screen, "luzia graph show")


def stats() -> str:
    """Job statistics."""
    with example_daemon() as daemon, user_shell(daemon, rows=48) as screen:
        for project, task in (("overbits", "button"), ("overbits", "invoice"), ("website", "button")) * 4:
            daemon.run(project, f"look at the {task}")
        with daemon.connect() as wire:
            eventually(lambda: not wire.ok(op="list", states=["queued", "starting", "running"])["jobs"], "all ends")
        type_commands(screen, "luzia stats")
        return render_svg(screen, "luzia stats")


def top() -> str:
    """All jobs on a full screen."""
    with example_daemon() as daemon:
        dispatch_examples(daemon)
        with user_shell(daemon, rows=26) as screen:
            screen.press("luzia top", "enter")
            screen.shows("describe the new", "filter")
            screen.click(5, screen.row_of("fix the login button"))
            screen.shows("hello.txt")
            return render_svg(screen, "luzia top")


def top_groups() -> str:
    """The list, grouped by project, with marked jobs."""
    with example_daemon() as daemon:
        dispatch_examples(daemon)
        with user_shell(daemon, rows=26) as screen:
            screen.press("luzia top", "enter")
            screen.shows("describe the new", "filter")
            screen.press("b", "p")
            screen.shows("overbits (3)", "printer (1)", "website (2)")
            screen.press(" ", " ")
            screen.shows("2 marked")
            return render_svg(screen, "luzia top")


def top_command() -> str:
    """The commands for a job."""
    with example_daemon() as daemon:
        dispatch_examples(daemon)
        with user_shell(daemon, rows=26) as screen:
            screen.press("luzia top", "enter")
            screen.shows("describe the new", "filter")
            screen.press(":")
            screen.shows("send a follow-up message")
            screen.press("tab")
            screen.shows(":again")
            return render_svg(screen, "luzia top")


def init() -> str:
    """The questions of the setup."""
    with private_luzia() as luzia:
        user = NewUser(luzia)
        user.luzia.env["PS1"] = "$ "
        user.luzia.env["PATH"] = f"{Path(sys.executable).parent}:{user.luzia.env['PATH']}"
        with terminal(["bash", "--noprofile", "--norc", "-i"], user.luzia.env, str(user.home), 92, 26) as screen:
            screen.until(is_ready, "a prompt")
            screen.press("luzia init", "enter")
            for question in ("1. Which agent", "2. Which of them"):
                screen.shows(question)
                screen.press("enter")
            screen.shows("3. Does each job")
            return render_svg(screen, "luzia init")


def why() -> str:
    """What a queued job is waiting for."""
    with example_daemon() as daemon:
        dispatch_history(daemon)
        dispatch_examples(daemon)
        with user_shell(daemon, rows=30) as screen:
            type_commands(screen, "luzia why @last")
            return render_svg(screen, "luzia why")


def prompt() -> str:
    """The shell, completing the id of a job."""
    with example_daemon() as daemon:
        dispatch_examples(daemon)
        with user_shell(daemon, rows=22) as screen:
            screen.press("luzia shell", "enter")
            screen.shows("luzia>", "3 running")
            screen.press("website describe the old prices", "enter")
            screen.until(lambda now: now.text.rstrip("\n").count("luzia>") == 2, "the next prompt")
            screen.shows("2 queued")
            screen.press("logs ")
            screen.press("tab")
            screen.shows("your last dispatched job")
            return render_svg(screen, "luzia shell")


RENDERERS: dict[str, Callable[[], str]] = {
    "attach": attach,
    "config": hand_pictures.config,
    "editor": hand_pictures.editor,
    "errors": hand_pictures.errors,
    "first-steps": first_steps,
    "follow": follow,
    "graph": graph,
    "habits": hand_pictures.habits,
    "init": init,
    "job": job,
    "jobs": jobs,
    "review": review_pictures.review,
    "review-comment": review_pictures.review_comment,
    "review-conflict": review_pictures.review_conflict,
    "review-wide": review_pictures.review_wide,
    "shell": prompt,
    "stats": stats,
    "times": hand_pictures.times,
    "top": top,
    "top-command": top_command,
    "top-groups": top_groups,
    "transcript": transcript,
    "watching": watching,
    "why": why,
}
"""Name of the picture -> the function that renders it."""


def main() -> int:
    names = sys.argv[1:] or list(RENDERERS)
    PICTURES.mkdir(exist_ok=True)
    for name in names:
        (PICTURES / f"{name}.svg").write_text(RENDERERS[name]())
        print(f"docs/pictures/{name}.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
