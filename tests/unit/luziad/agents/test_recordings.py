"""Readers judge what real agents printed, whole, torn, and with noise in between."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from luzia_protocol.jobs import Outcome, Progress

from luziad.agents.base import Reader
from unit.luziad.agents.recordings import RECORDINGS, Recording, exited, recording

every_recording = pytest.mark.parametrize("run", RECORDINGS, ids=lambda run: run.name)

NOISE = [
    b"",
    b" ",
    b"Warning: something",
    b"{",
    b'{"type":',
    b"null",
    b"[1, 2]",
    b'"text"',
    b"\xff\xfe\x00",
    b'{"type":"\xff"}',
    b"[" * 200_000,
    b'{"a":' * 200_000,
    b'{"n":' + b"9" * 10_000 + b"}",
    b'{"type":"of_tomorrow","message":{"content":[{"type":"tool_use"}]}}',
    b"x" * 1_000_000,
]


def feed(reader: Reader, lines: list[bytes]) -> list[Progress]:
    """What the reader tells while it reads the lines."""
    return [told for line in lines if (told := reader.feed(line)) is not None]


def check_progress(told: list[Progress]) -> None:
    """What must be true of all progress."""
    for before, after in pairwise(told):
        assert before != after
    for progress in told:
        assert progress.percent is None or 0 <= progress.percent <= 99
        assert (progress.percent is None) == (progress.total is None) == (progress.label is None)


@every_recording
def test_the_verdict_on_a_recording_is_right(run: Recording) -> None:
    reader = run.reader()
    check_progress(feed(reader, run.stdout.split(b"\n")))
    verdict = reader.verdict(exited(run.exit_code), run.stderr[-8192:])
    assert verdict.outcome is (Outcome.COMPLETED if run.succeeded else Outcome.FAILED)
    assert run.succeeded == (verdict.reason is None)


@every_recording
def test_noise_between_the_lines_changes_nothing(run: Recording) -> None:
    clean, noisy = run.reader(), run.reader()
    mixed = [piece for line in run.stdout.splitlines() for piece in (*NOISE, line)]
    assert feed(clean, run.stdout.splitlines()) == feed(noisy, mixed)
    end = exited(run.exit_code)
    assert clean.verdict(end, run.stderr) == noisy.verdict(end, run.stderr)


@every_recording
def test_a_run_whose_output_was_cut_off_has_not_succeeded(run: Recording) -> None:
    lines = run.stdout.splitlines()
    randomly = random.Random(run.name)
    last = max(1, len(run.stdout) - len(lines[-1]) - 1)
    for cut in [0, *(randomly.randrange(last) for _ in range(20)), len(run.stdout.rstrip()) - 1]:
        reader = run.reader()
        feed(reader, run.stdout[:cut].split(b"\n"))
        assert reader.verdict(exited(1), run.stderr).outcome is Outcome.FAILED
        if run.agent not in ("vibe", "pi"):  # each answer of vibe looks like its last; the last line of pi is a copy
            assert reader.verdict(exited(0), b"").outcome is Outcome.FAILED


@every_recording
def test_a_bad_exit_is_never_a_success(run: Recording) -> None:
    reader = run.reader()
    feed(reader, run.stdout.splitlines())
    for code in (1, 143, -9):
        assert reader.verdict(exited(code), run.stderr).outcome is Outcome.FAILED
    never = reader.verdict(exited(0, error="no such program"), b"")
    assert (never.outcome, never.reason) == (Outcome.START_FAILED, "no such program")


@every_recording
def test_any_value_may_have_any_type(run: Recording) -> None:
    randomly = random.Random(run.name)
    values = [b"null", b"true", b"7", b'"x"', b"[]", b"[1]", b"{}", b'[{"status":[]}]']
    for _ in range(5):
        reader = run.reader()
        for line in run.stdout.splitlines():
            parts = line.split(b":")
            for _ in range(3):
                index = randomly.randrange(1, len(parts))
                parts[index] = randomly.choice(values) + parts[index][-1:]
            reader.feed(b":".join(parts))
        assert reader.verdict(exited(1), b"\xff").outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("claude/error-401", "Failed to authenticate. API Error: 401 Incorrect API key provided."),
        ("claude/error-usage-limit", "API Error: Request rejected (429) · This request would exceed"),
        ("claude/sigint-tool", "error_during_execution: "),
        ("claude/sigkill-tool", "killed by SIGKILL"),
        ("claude/sigterm-tool", "exit code 143"),
        ("codex/error-429", "exceeded retry limit, last status: 429 Too Many Requests"),
        ("codex/error-usage-limit", "You’ve hit your usage limit. "),
        ("codex/sigterm-tool", "killed by SIGTERM"),
        ("gemini/error-401", "[API Error: "),
        ("gemini/sigterm-hang", "killed by SIGKILL"),
        ("opencode/error-500", "Internal server error"),
        ("opencode/error-drop", "killed by SIGKILL"),
        ("vibe/error-401", "exit code 1: Error: Invalid API key"),
        ("vibe/error-usage-limit", "exit code 2: Error: Client error '429 Too Many Requests'"),
        ("vibe/sigterm-tool", "exit code 3: Stopped: terminated"),
    ],
)
def test_the_reason_has_the_agents_own_words_or_how_it_ended(name: str, reason: str) -> None:
    run = recording(name)
    reader = run.reader()
    feed(reader, run.stdout.splitlines())
    assert (reader.verdict(exited(run.exit_code), run.stderr).reason or "").startswith(reason)


@pytest.mark.parametrize(
    ("name", "phases", "total"),
    [
        (
            "claude/success-shell",
            ["thinking", "writing", "tool TaskCreate", "thinking", "writing", "tool Bash", "thinking", "writing"],
            1,
        ),
        ("codex/success-shell", ["thinking", "writing", "writing", "tool shell", "thinking", "writing"], 2),
        ("codex/success", ["thinking", "writing", "writing", "tool edit", "thinking", "writing"], 2),
        (
            "gemini/success",
            [
                "thinking",
                "writing",
                "tool write_todos",
                "thinking",
                "writing",
                "tool write_file",
                "thinking",
                "writing",
            ],
            2,
        ),
        (
            "opencode/success",
            ["thinking", "used todowrite", "writing", "thinking", "writing", "used write", "thinking", "writing"],
            2,
        ),
        (
            "vibe/success",
            ["thinking", "writing", "used vibe.todo", "writing", "used file_system.write_file", "writing"],
            2,
        ),
    ],
)
def test_progress_has_the_phase_and_the_plan(name: str, phases: list[str], total: int) -> None:
    run = recording(name)
    told = feed(run.reader(), run.stdout.splitlines())
    assert [progress.phase for progress in told] == phases
    assert told[-1] == Progress(percent=0, done=0, total=total, label="plan", phase="writing")
