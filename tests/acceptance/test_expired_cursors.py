"""What luzia's own clients do when events were lost for good while they followed or were away: each continues."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from mcp_agent import McpLuzia, mcp_luzia, value
from otlp_receiver import collector
from private_luzia import DEADLINE_S, PrivateLuzia, private_luzia, until
from receivers import Sink, cursor, sink
from support import expire_cursors
from terminal import terminal

__all__ = ["sink"]


@pytest.fixture
def luzia() -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        yield luzia


def waiting_job(luzia: PrivateLuzia) -> str:
    """A job that fails when `end` is called."""
    job = luzia.shell("until [ -e go ]; do sleep 0.02; done; echo the end; exit 3")
    until(lambda: luzia.client().get_job(job).state == "running", "the job runs")
    return job


def end(luzia: PrivateLuzia) -> None:
    Path(luzia.project, "go").touch()


def lose_events(luzia: PrivateLuzia) -> None:
    """Restart the daemon as after a repair of its store: no cursor of before is good, for any job."""
    luzia.stop_daemon()
    expire_cursors(Path(luzia.env["LUZIA_STATE_DIR"]))
    luzia.client().close()


def followed(luzia: PrivateLuzia, streams: int = 1) -> None:
    """Wait until the client that was started follows the daemon."""
    client = Client(luzia.socket, autostart=False)
    until(lambda: client.get_info().subscribers >= streams, "a client follows")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("wait", "JOB"), 1, "JOB  failed  exit code 3"),
        (("follow", "JOB"), 1, "the end"),
        (("jobs", "--watch"), 0, "JOB"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_command_that_follows_goes_on_and_ends_with_the_job(
    luzia: PrivateLuzia, words: tuple[str, ...], status: int, said: str
) -> None:
    job = waiting_job(luzia)
    following = luzia.start(*(word.replace("JOB", job) for word in words))
    followed(luzia)
    lose_events(luzia)
    followed(luzia)
    end(luzia)
    out, complaints = following.communicate(timeout=DEADLINE_S)
    assert following.returncode == status, complaints
    assert said.replace("JOB", job) in out.decode()
    assert b"no longer stored" not in complaints


def test_who_waits_for_draining_is_told_that_the_restart_ended_it(luzia: PrivateLuzia) -> None:
    waiting_job(luzia)
    draining = luzia.start("drain", "--wait")
    followed(luzia)
    lose_events(luzia)
    _, complaints = draining.communicate(timeout=DEADLINE_S)
    assert (draining.returncode, complaints.decode().splitlines()[0]) == (
        exit_codes.REFUSED,
        "luzia: draining was ended, and 1 job is active",
    )


@pytest.mark.parametrize("command", ["top", "shell"])
def test_a_screen_shows_how_the_job_ended(luzia: PrivateLuzia, command: str) -> None:
    job = waiting_job(luzia)
    with terminal(luzia.command(command), luzia.env, luzia.project, 120, 30) as screen:
        screen.shows("1 running")
        followed(luzia)
        lose_events(luzia)
        followed(luzia)
        end(luzia)
        luzia.client().wait([job])
        screen.shows_no_more("1 running")
        screen.shows("0 running") if command == "shell" else screen.shows("failed")


def test_a_notifier_tells_that_it_missed_events_and_tells_the_next_end(luzia: PrivateLuzia, sink: Sink) -> None:
    Path(luzia.env["LUZIA_CONFIG"]).write_text(
        f'[notify.targets.hook]\nwebhook = "{sink.url}"\n'
        '[[notify.rules]]\ntargets = ["hook"]\nevents = ["failed", "missed"]\n'
    )
    waiting_job(luzia)
    luzia.start("notify", "run")
    database = Path(luzia.env["LUZIA_STATE_DIR"], "notify.db")
    until(lambda: cursor(database) is not None, "it follows the daemon")
    lose_events(luzia)
    end(luzia)
    until(lambda: len(sink.received) >= 2, "both notices")
    assert sorted(message["subject"] for message in sink.received) == ["failed", "missed"]


def test_metrics_say_what_they_lack_and_count_on(luzia: PrivateLuzia) -> None:
    job = waiting_job(luzia)
    assert luzia.run("metrics", "--once").returncode == 0
    lose_events(luzia)
    end(luzia)
    luzia.client().wait([job])
    printed = luzia.run("metrics", "--once")
    assert printed.returncode == 0
    assert b"are no longer stored; the totals lack them" in printed.stderr
    assert b'luzia_attempts_ended_total{agent="shell",outcome="failed",project="project"} 1.0' in printed.stdout


def test_traces_say_what_they_lack_and_go_on(luzia: PrivateLuzia) -> None:
    with collector() as receiver:
        waiting_job(luzia)
        exporter = luzia.start("metrics", "--otlp", receiver.url)
        until(lambda: Path(luzia.env["LUZIA_STATE_DIR"], "metrics.traces.json").exists(), "it follows the daemon")
        followed(luzia)
        lose_events(luzia)
        end(luzia)
        later = luzia.shell("true")
        until(lambda: receiver.of(later), "a span of a later job")
        exporter.terminate()
        assert b"are no longer stored; their traces are missing" in exporter.communicate(timeout=DEADLINE_S)[1]


@pytest.fixture
def served() -> Iterator[McpLuzia]:
    with mcp_luzia() as served:
        yield served


async def test_an_agent_that_waits_or_subscribes_is_told_of_the_end(served: McpLuzia) -> None:
    job = waiting_job(served.luzia)
    uri = f"luzia://jobs/{job}"
    results = []

    async def wait() -> None:
        results.append(value(await agent.call_tool("wait", {"jobs": [job]})))

    async with served.agent() as agent, agent.listen(resource_subscriptions=[uri]) as changes:
        await anyio.to_thread.run_sync(followed, served.luzia)
        async with anyio.create_task_group() as calls:
            calls.start_soon(wait)
            await anyio.to_thread.run_sync(followed, served.luzia, 2)
            await anyio.to_thread.run_sync(lose_events, served.luzia)
            await anyio.to_thread.run_sync(followed, served.luzia, 2)
            end(served.luzia)
        assert [each["state"] for each in results[0]["jobs"]] == ["failed"]
        with anyio.fail_after(DEADLINE_S):
            async for change in changes:
                assert getattr(change, "uri", None) == uri
                break
