"""The examples of docs/pausing.md do what the page says."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

from private_luzia import DEADLINE_S, PrivateLuzia, private_luzia

PAGE = (Path(__file__).parents[2] / "docs" / "pausing.md").read_text()
SHELL = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def in_shell(luzia: PrivateLuzia, text: str) -> None:
    """Run lines of the page as a person would; all of them succeed."""
    script = f'luzia() {{ {shlex.join(luzia.command())} "$@"; }}\n{text}'
    done = subprocess.run(
        ["sh", "-eu", "-c", script], env=luzia.env, cwd=luzia.project, capture_output=True, timeout=DEADLINE_S
    )
    assert done.returncode == 0, done.stderr.decode()


def test_the_commands_of_the_page_do_what_it_says() -> None:
    project, held, drained = SHELL
    with private_luzia() as luzia:
        Path(luzia.env["LUZIA_CONFIG"]).write_text(
            f'[projects.overbits]\npath = "{luzia.project}"\nagent = "cat"\n'
            '[agents.cat]\ncommand = ["cat"]\nprompt = "stdin"\n'
        )
        client = luzia.client()
        in_shell(luzia, "".join(project.splitlines(keepends=True)[:2]))
        (waiting,) = client.list_jobs().jobs
        assert "project overbits has been paused since" in (waiting.reason or "")
        in_shell(luzia, "".join(project.splitlines(keepends=True)[2:]))
        assert client.wait([waiting.id]).jobs[0].state == "completed"
        in_shell(luzia, "".join(held.splitlines(keepends=True)[:2]))
        job = client.list_jobs(limit=1).jobs[0]
        assert "held since" in (job.reason or "")
        in_shell(luzia, held.splitlines()[2])
        assert client.wait([job.id]).jobs[0].state == "completed"
        before = client.get_info().pid
        in_shell(luzia, drained)
        after = client.get_info()
        assert after.pid != before
        assert after.queues.draining is None


def test_every_command_of_the_table_is_accepted() -> None:
    with private_luzia() as luzia:
        Path(luzia.env["LUZIA_CONFIG"]).write_text(f'[projects.overbits]\npath = "{luzia.project}"\nagent = "shell"\n')
        client = luzia.client()
        running = client.dispatch("overbits", "exec sleep 600").job
        rows = re.findall(r"^\| .*\| `(luzia .*?)` \| .*?`(luzia .*?)` \|$", PAGE, re.MULTILINE)
        assert len(rows) == 6
        for row in rows:
            queued = client.dispatch("overbits", "true", hold=True).job
            job = queued if "hold" in row[0] else running
            for command in row:
                words = command.replace("ID", job).split()[1:]
                done = luzia.run(*words, *(["--yes"] if "--all" in words or "--project" in words else []))
                assert done.returncode == 0, done.stderr
