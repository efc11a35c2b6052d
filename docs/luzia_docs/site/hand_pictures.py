"""The pictures of what users type every day: words of other tools, the editor, times, settings, and errors."""

from __future__ import annotations

from luzia_docs.site.scene import dispatch_examples, example_daemon, type_commands, user_shell
from luzia_docs.site.svg import render_svg


def habits() -> str:
    """Words of other tools, and `luzia` alone."""
    with example_daemon() as daemon:
        dispatch_examples(daemon)
        with user_shell(daemon, rows=34) as screen:
            type_commands(screen, "luzia restart @failed", "luzia get jobs", "luzia ls -n 1 --state failed", "luzia")
            return render_svg(screen, "luzia")


def editor() -> str:
    """A task that is written in the user's editor."""
    with example_daemon() as daemon:
        daemon.env["VISUAL"] = "env TERM=vt100 vi"
        dispatch_examples(daemon)
        with user_shell(daemon, rows=22) as screen:
            screen.press("luzia overbits", "enter")
            screen.shows("fix the login button")
            return render_svg(screen, "luzia overbits")


def times() -> str:
    """Times as people write them, and one line that says why a job does not start at once."""
    with example_daemon() as daemon:
        dispatch_examples(daemon)
        with user_shell(daemon, rows=26) as screen:
            type_commands(
                screen,
                'luzia --at "tomorrow 9am" overbits "update the dependencies"',
                'luzia --name prices website "compare the prices"',
                'luzia schedule add tests --every 10m --project overbits "run the tests"',
                "luzia jobs --since yesterday -n 6",
            )
            return render_svg(screen, "luzia --at")


def config() -> str:
    """Settings that are read, changed and checked."""
    with example_daemon() as daemon, user_shell(daemon, rows=22) as screen:
        type_commands(
            screen,
            "luzia config get daemon.grace_s",
            "luzia config set cli.confirm line",
            "luzia config set daemon.max_running many",
            "luzia config check",
            "luzia config schema | head -n 9",
        )
        return render_svg(screen, "luzia config")


def errors() -> str:
    """An error for people and for programs."""
    with example_daemon() as daemon, user_shell(daemon, rows=16) as screen:
        type_commands(
            screen,
            "luzia jobs 113754; echo $?",
            "luzia jobs 113754 --json; echo $?",
            "luzia wait --json --timeout soon @last; echo $?",
        )
        return render_svg(screen, "luzia --json")
