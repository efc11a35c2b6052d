"""An attempt of a resumed session counts what it has used itself, on recordings of attempts of one session."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from luzia_protocol.activity import Activity, SessionTotals

from luziad.agents.registry import BUILT_IN
from luziad.attempts.output_reader import OutputReader
from luziad.jobs.activity import job_activity
from luziad.jobs.record import AttemptRecord
from luziad.jobs.session_totals import growth, separate_attempts, totals_before
from unit.luziad.agents.recordings import DIRECTORY, exited

Used = tuple[int | None, int | None, float | None]


def read(agent: str, stdout: Path, before: list[AttemptRecord], session: str | None = None) -> AttemptRecord:
    """The attempt with this output, after those before it."""
    number = len(before) + 1
    earlier = totals_before(before, number)
    reader = OutputReader(str(stdout), BUILT_IN[agent].reader(), earlier=earlier, session=session)
    while reader.read_on():
        pass
    reader.verdict(exited(0), str(stdout.with_name("none.stderr")))
    return AttemptRecord(number, 0.0, activity=reader.understood()[0])


def replay(agent: str, *scenarios: str) -> list[AttemptRecord]:
    """The attempts with the output of these recordings, in order."""
    attempts: list[AttemptRecord] = []
    for scenario in scenarios:
        attempts.append(read(agent, DIRECTORY / agent / f"{scenario}.stdout", attempts))
    return attempts


def used(activity: Activity | None) -> Used:
    assert activity is not None
    cost_usd = None if activity.cost_usd is None else round(activity.cost_usd, 6)
    return activity.tokens_in, activity.tokens_out, cost_usd


def write(path: Path, *events: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def codex(path: Path, thread: str, *totals: int) -> Path:
    """The output of codex that reports these totals of its thread."""
    started = {"type": "thread.started", "thread_id": thread}
    return write(path, started, *({"type": "turn.completed", "usage": {"input_tokens": each}} for each in totals))


def claude(path: Path, cost_usd: float, version: str | None = "2.1.330") -> Path:
    """The output of claude in the session s that reports this total cost."""
    init = {"type": "system", "subtype": "init", "session_id": "s", "claude_code_version": version}
    model = {"inputTokens": round(cost_usd * 1000), "outputTokens": 1, "costUSD": cost_usd}
    result = {"type": "result", "subtype": "success", "is_error": False, "session_id": "s"}
    return write(path, init, result | {"total_cost_usd": cost_usd, "modelUsage": {"m": model}})


@pytest.mark.parametrize(
    ("agent", "attempts", "together"),
    [
        ("claude", [(4800, 136, 0.01644), (1200, 34, 0.00411), (1200, 34, 0.00411)], (7200, 204, 0.02466)),
        ("codex", [(2400, 68, None), (1200, 34, None), (1200, 34, None)], (4800, 136, None)),
        ("opencode", [(4800, 136, None), (1200, 34, None), (1200, 34, None)], (7200, 204, None)),
        ("gemini", [(2400, 68, None), (1200, 34, None), (1200, 34, None)], (4800, 136, None)),
        ("vibe", [(None, None, None), (None, None, None), (None, None, None)], (None, None, None)),
    ],
)
def test_three_attempts_of_one_session_count_each_token_and_cent_once(
    agent: str, attempts: list[Used], together: Used
) -> None:
    replayed = replay(agent, "session-1", "session-2", "session-3")
    first, *others = [each.activity for each in replayed]
    assert first is not None
    assert [each and each.session for each in others] == [first.session] * 2
    assert [used(each.activity) for each in replayed] == attempts
    assert used(job_activity(replayed, waits=False)) == together


def test_the_cost_of_an_attempt_that_was_terminated_is_that_of_the_next_one() -> None:
    replayed = replay(
        "claude",
        "session-interrupted-1",
        "sigterm-session-2",
        "session-interrupted-3",
        "error-401-session-4",
        "session-interrupted-5",
    )
    assert [used(each.activity) for each in replayed] == [
        (4800, 136, 0.01644),
        (1200, 1, None),  # counted by its messages
        (1200, 34, 0.00822),
        (None, None, None),
        (1200, 34, 0.00411),
    ]
    assert used(job_activity(replayed, waits=False)) == (8400, 205, 0.02877)  # as Claude's own total says


def test_a_thread_of_codex_goes_on_after_an_attempt_without_a_report() -> None:
    replayed = replay(
        "codex",
        "session-interrupted-1",
        "sigterm-session-2",
        "session-interrupted-3",
        "error-401-session-4",
        "session-interrupted-5",
    )
    assert [used(each.activity)[0] for each in replayed] == [2400, None, 1200, None, 1200]


def test_a_fresh_session_is_counted_whole(tmp_path: Path) -> None:
    first = read("codex", codex(tmp_path / "1", "a", 5000), [])
    assert used(read("codex", codex(tmp_path / "2", "b", 6000), [first], session="a").activity)[0] == 6000


def test_totals_that_have_shrunk_began_again_at_zero(tmp_path: Path) -> None:
    attempts: list[AttemptRecord] = []
    for name, totals in (("1", (5000,)), ("2", (5500, 300, 450)), ("3", (1450,))):
        attempts.append(read("codex", codex(tmp_path / name, "a", *totals), attempts))
    assert [used(each.activity)[0] for each in attempts] == [5000, 500 + 300 + 150, 1000]


def test_tokens_and_cost_begin_again_at_zero_each_by_themselves() -> None:
    before = SessionTotals(100, 10, 5, cost_usd=0.5)
    assert growth(before, SessionTotals(150, 20, 5, cost_usd=0.125)) == SessionTotals(50, 10, 0, cost_usd=0.125)
    assert growth(before, SessionTotals(30, 4, 2, cost_usd=0.75)) == SessionTotals(30, 4, 2, cost_usd=0.25)


def test_the_session_that_was_resumed_counts_when_the_line_that_names_it_is_no_longer_kept(tmp_path: Path) -> None:
    first = read("codex", codex(tmp_path / "1", "a", 5000), [])
    rest = write(tmp_path / "2", {"type": "turn.completed", "usage": {"input_tokens": 5600}})
    assert used(read("codex", rest, [first], session="a").activity)[0] == 600


@pytest.mark.parametrize(("version", "second"), [("2.1.276", 5.0), ("2.1.277", 3.0), ("2.2.0", 3.0), (None, 3.0)])
def test_a_version_of_claude_that_begins_at_zero_is_not_compared(
    version: str | None, second: float, tmp_path: Path
) -> None:
    first = read("claude", claude(tmp_path / "1", 2.0, version), [])
    assert used(read("claude", claude(tmp_path / "2", 5.0, version), [first]).activity)[2] == second


def recorded(agent: str, *values: tuple[int | None, float | None], **more: Any) -> list[AttemptRecord]:
    """Attempts of one session as they were recorded before there were totals."""
    activities = [Activity(session="s", tokens_in=read, tokens_out=0, cost_usd=usd, **more) for read, usd in values]
    return [AttemptRecord(number, 0.0, activity=each) for number, each in enumerate(activities, 1)]


@pytest.mark.parametrize(
    ("agent", "version", "before", "after"),
    [
        ("claude", "2.1.330", [(1200, 0.1), (2400, 0.2), (3600, 0.3)], [(1200, 0.1), (1200, 0.1), (1200, 0.1)]),
        ("claude", "2.1.330", [(1200, 0.1), (700, None), (3600, 0.3)], [(1200, 0.1), (700, None), (2400, 0.2)]),
        ("claude", "2.1.100", [(1200, 0.1), (2400, 0.2)], [(1200, 0.1), (2400, 0.2)]),
        ("codex", "0.169.0", [(1200, None), (None, None), (2000, None)], [(1200, None), (None, None), (800, None)]),
        ("opencode", "1.18.33", [(1200, 0.1), (2400, 0.2)], [(1200, 0.1), (2400, 0.2)]),
    ],
)
def test_attempts_that_were_recorded_with_totals_are_separated_once(
    agent: str, version: str, before: list[Any], after: list[Any]
) -> None:
    attempts = recorded(agent, *before, version=version)
    for _ in range(2):
        separate_attempts(attempts, agent)
        found = [each.activity for each in attempts]
        assert [(each.tokens_in, each.cost_usd and round(each.cost_usd, 6)) for each in found if each] == after


def test_an_attempt_after_old_ones_counts_from_their_totals(tmp_path: Path) -> None:
    attempts = recorded("claude", (1000, 1.0), (2000, 2.0), version="2.1.330")
    separate_attempts(attempts, "claude")
    assert used(read("claude", claude(tmp_path / "3", 2.5), attempts).activity) == (500, 1, 0.5)


def test_the_totals_are_kept_with_the_attempt() -> None:
    (attempt,) = replay("claude", "session-1")
    again = msgspec.json.decode(msgspec.json.encode(attempt), type=AttemptRecord)
    assert again.activity is not None
    assert again.activity.totals == SessionTotals(4800, 136, 0, 0.01644)
