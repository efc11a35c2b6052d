"""One attempt's output as it is read on, piece by piece."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from luzia_protocol.activity import Activity, PlanItem

from luziad.agents.base import OutputSummary
from luziad.agents.registry import BUILT_IN
from luziad.attempts.output_reader import KEPT_FILES, KEPT_MESSAGE, KEPT_PLAN, OutputReader, activity_of
from unit.luziad.agents.recordings import recording


def read_whole(reading: OutputReader) -> Activity:
    while reading.read_on():
        pass
    return reading.understood()[0]


def test_reading_on_understands_the_same_as_reading_whole(tmp_path: Path) -> None:
    data = recording("claude/success").stdout
    whole, growing = tmp_path / "whole", tmp_path / "growing"
    whole.write_bytes(data)
    growing.touch()
    reading = OutputReader(str(growing), BUILT_IN["claude"].reader())
    with growing.open("ab", buffering=0) as file:
        for begin in range(0, len(data), 1000):
            file.write(data[begin : begin + 1000])
            reading.read_on()
    one, other = (read_whole(each) for each in (reading, OutputReader(str(whole), BUILT_IN["claude"].reader())))
    assert one == msgspec.structs.replace(other, phase_at=one.phase_at, last_sign_at=one.last_sign_at)


def test_a_phase_that_went_on_over_a_restart_began_when_it_began(tmp_path: Path) -> None:
    stdout = tmp_path / "stdout"
    stdout.write_bytes(b"".join(recording("codex/success").stdout.splitlines(keepends=True)[:6]))
    began = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
    known = Activity(phase="tool edit", phase_at=began)
    assert read_whole(OutputReader(str(stdout), BUILT_IN["codex"].reader(), known)).phase_at == began
    other = Activity(phase="thinking", phase_at=began)
    assert read_whole(OutputReader(str(stdout), BUILT_IN["codex"].reader(), other)).phase_at != began


def test_how_long_a_tool_has_been_running_is_no_part_of_the_phase(tmp_path: Path) -> None:
    stdout = tmp_path / "stdout"
    stdout.write_bytes(b'{"type": "tool_progress", "tool_name": "Bash", "elapsed_time_seconds": 61.4}\n')
    found, progress = (reading := OutputReader(str(stdout), BUILT_IN["claude"].reader())).understood()
    assert (found.phase, progress) == (None, None)
    read_whole(reading)
    found, progress = reading.understood()
    assert found.phase == "tool Bash"
    assert progress is not None
    assert progress.phase == "tool Bash"
    assert found.phase_at is not None
    assert found.last_sign_at is not None
    assert 60 < (found.last_sign_at - found.phase_at).total_seconds() < 62


def test_the_session_stays_known_when_the_line_that_told_it_is_not_kept_any_more(tmp_path: Path) -> None:
    stdout = tmp_path / "stdout"
    stdout.write_bytes(b'{"type": "turn.started"}\n')
    known = Activity(session="01a20a44", phase="thinking")
    assert read_whole(OutputReader(str(stdout), BUILT_IN["codex"].reader(), known)).session == "01a20a44"


def test_what_is_kept_is_bounded() -> None:
    known = OutputSummary(
        files=[f"/srv/{number}" for number in range(500)] + ["/" + "x" * 5000],
        plan=[PlanItem("step", "pending")] * 1000,
        last_message="y" * 4000,
    )
    kept = activity_of(known)
    assert (len(kept.files), kept.file_count, len(kept.plan)) == (KEPT_FILES, 501, KEPT_PLAN)
    assert kept.last_message is not None
    assert len(kept.last_message) == KEPT_MESSAGE


def test_stderr_is_read_as_it_grows_where_the_agent_reports_there(tmp_path: Path) -> None:
    stdout, stderr = tmp_path / "stdout", tmp_path / "stderr"
    stdout.write_bytes(b'{"type": "init", "session_id": "s"}\n')
    stderr.touch()
    reading = OutputReader(str(stdout), BUILT_IN["gemini"].reader(), stderr_path=str(stderr))
    assert reading.paths == [str(stdout), str(stderr)]
    assert read_whole(reading).phase == "thinking"
    with stderr.open("ab", buffering=0) as file:
        file.write(b"Attempt 1 failed with sta")
        assert read_whole(reading).phase == "thinking"
        file.write(b"tus 429. Retrying with backoff...\n")
    assert read_whole(reading).phase == "retry 1: status 429"
    quiet = OutputReader(str(stdout), BUILT_IN["claude"].reader(), stderr_path=str(stderr))
    assert quiet.paths == [str(stdout)]


def test_an_output_that_its_job_truncates_is_read_on_from_its_beginning(tmp_path: Path) -> None:
    def said(text: str) -> bytes:
        content = [{"type": "text", "text": text}]
        return msgspec.json.encode({"type": "assistant", "message": {"id": text, "content": content}}) + b"\n"

    stdout = tmp_path / "stdout"
    stdout.write_bytes(said("one") + b'{"incomplete')
    reading = OutputReader(str(stdout), BUILT_IN["claude"].reader(), Activity(lost_bytes=7))
    assert read_whole(reading).last_message == "one"
    read = stdout.stat().st_size
    stdout.write_bytes(said("two"))
    found = read_whole(reading)
    assert (found.last_message, found.lost_bytes) == ("two", 7 + read)
