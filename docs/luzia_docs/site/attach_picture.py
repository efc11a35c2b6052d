"""The picture of `luzia attach`: real Claude Code, led to the tests' model, in which a user takes over a job."""

from __future__ import annotations

from agents import programs
from agents.real import RealAgent
from agents.stub.server import stub_model
from luzia_docs.site.svg import render_svg
from private_luzia import private_luzia
from terminal import terminal

TASK = "write a short greeting to hello.txt"


def attach() -> str:
    """The conversation of a finished job, opened in the agent's own interface."""
    with stub_model() as model, private_luzia() as luzia:
        agent = RealAgent("claude", programs.bin_directory("claude"), luzia, model)
        job = luzia.run("dispatch", "--model", "sonnet", "real", TASK).stdout.decode().strip().rpartition(":")[2]
        agent.ended(job)
        agent.know_the_project()
        luzia.env["LC_ALL"] = "C.UTF-8"
        with terminal(luzia.command("attach", job), luzia.env, luzia.project, 92, 26) as screen:
            screen.shows(TASK, "hello.txt with a short greeting")
            screen.type("Add a second greeting, in French")
            screen.shows("in French")
            picture = render_svg(screen, f"luzia attach {job}")
            luzia.run("detach", job)
            screen.ended()
            return picture
