"""What must hold after a chaos run. Each check adds to the run's mistakes what it finds broken."""

from __future__ import annotations

import errno
import json
import os
import time
from collections import defaultdict
from typing import Any

from luzia_protocol.jobs import OUTCOME_STATES, JobState, Outcome

from chaos import processes
from chaos.clients import Run
from chaos.killing import ERRORS
from chaos.work import Work
from luziad.jobs.lifecycle import IllegalTransitionError, Trigger, next_state

REAPED_S = 10.0
"""A fork server that lives reaps a shim that was killed long before that."""

_BAD_WORDS = ("Traceback", "request_failed", "Task exception was never retrieved", "survivors_not_killed")
_NO_ROOM = [os.strerror(getattr(errno, name)) for name in ERRORS]
_TRIGGERS = {"starting": Trigger.GRANTED, "started": Trigger.STARTED, "stopping": Trigger.STOP}


def check_jobs(run: Run) -> None:
    """Every acknowledged job is there and ended as it must; no other one is."""
    with run.daemon.connect() as wire:
        for number, job in run.ids.items():
            answer = wire.ask(op="status", job=job)
            if "ok" not in answer:
                run.mistake(f"{job} was acknowledged and is missing: {answer}")
                continue
            _check_job(run, run.works[number], answer["ok"]["job"])
        listed, cursor = set(), None
        while True:
            page = wire.ok(op="list", limit=200, **({} if cursor is None else {"cursor": cursor}))
            listed |= {job["id"] for job in page["jobs"]}
            cursor = page.get("next")
            if cursor is None:
                break
    for job in listed - set(run.ids.values()):
        run.mistake(f"{job} is there and was never acknowledged")


def _check_job(run: Run, made: Work, job: dict[str, Any]) -> None:
    name = f"{job['id']} (work {made.number}, {made.ending})"
    if job["state"] not in {state.value for state in JobState if state.is_final}:
        run.mistake(f"{name} is {job['state']}")
        return
    run.count(f"outcomes: {job['outcome']}")
    for attempt in job["attempts"]:
        _check_attempt(run, name, made, job, attempt)
    if job["outcome"] == "cancelled" and made.cancel_after_s is None:
        run.mistake(f"{name} was cancelled, and nobody asked for it")
    if job["outcome"] == "lost":
        if not _shim_was_killed(run, job["id"], job["attempt"]):
            run.mistake(f"{name} is lost although its shim was not killed: {job['reason']}")
    elif job["outcome"] == "start_failed":
        if not _was_kept_from_starting(run, job):
            run.mistake(f"{name} was not started: {job['reason']}")
    elif not made.is_right(job) and not _agent_was_killed(run, job):
        found = {key: job.get(key) for key in ("outcome", "exit_code", "signal", "reason")}
        run.mistake(f"{name} ended as {found}")


def _was_kept_from_starting(run: Run, job: dict[str, Any]) -> bool:
    """True when storage failed under the shim, or three attempts in a row died before they had begun."""
    if any(words in job["reason"] for words in _NO_ROOM):
        return bool(run.hurt_shims("failed"))
    return len(job["attempts"]) >= 3 and bool(run.hurt_shims("killed") | run.killed_shims)


def _check_attempt(run: Run, name: str, made: Work, job: dict[str, Any], attempt: dict[str, Any]) -> None:
    number, outcome = attempt["number"], attempt.get("outcome")
    last = number == job["attempt"]
    runs = run.daemon.root / "runs" / f"{job['id']}.{number}"
    lines = runs.read_text().splitlines() if runs.exists() else []
    if len(lines) > 1:
        run.mistake(f"{name}: attempt {number} ran {len(lines)} times")
    if attempt.get("ended_at") is None or (outcome is None) is last:
        run.mistake(f"{name}: attempt {number} has no end, or no outcome, or one too many: {attempt}")
    if not last:
        run.count("attempts that were fenced before they started")
        if lines:
            run.mistake(f"{name}: attempt {number} was given up as not started, and it ran")
        return
    path = run.daemon.state / "jobs" / job["id"] / str(number) / "stdout"
    output = path.read_text() if path.exists() else ""
    whole = outcome in ("completed", "failed") and not _agent_was_killed(run, job)
    if whole and not lines:
        run.mistake(f"{name}: attempt {number} is {outcome} and never ran")
    if (whole and output != made.output) or not made.output.startswith(output):
        run.mistake(f"{name}: the output of attempt {number} is not what was written: {output[-80:]!r}")


def _shim_was_killed(run: Run, job: str, attempt: int) -> bool:
    lock = run.daemon.state / "jobs" / job / str(attempt) / "lock"
    return json.loads(lock.read_text())["pid"] in run.killed_shims | run.hurt_shims("killed") | run.hurt_shims("failed")


def _agent_was_killed(run: Run, job: dict[str, Any]) -> bool:
    """True when what was killed as a shim was its agent, which looks like one until it has its program."""
    started = run.daemon.state / "jobs" / job["id"] / str(job["attempt"]) / "started.json"
    return job.get("signal") == "SIGKILL" and json.loads(started.read_text())["agent_pid"] in run.killed_shims


def check_history(run: Run) -> None:
    """Events come in order, each once, legal for their job, and the follower missed none."""
    with run.daemon.connect() as wire:
        newest = wire.ok(op="info")["seq"]
        wire.ok(op="subscribe", after=0)
        events = [wire.receive()["event"]]
        while events[-1]["seq"] < newest:
            events.append(wire.receive()["event"])
    seqs = [event["seq"] for event in events]
    if seqs != sorted(set(seqs)):
        run.mistake("seqs do not grow strictly")
    followed = run.events[: len(events)]
    if followed != events[: len(followed)]:
        at = next(n for n, (ours, theirs) in enumerate(zip(followed, events, strict=False)) if ours != theirs)
        run.mistake(f"the follower's event {at} is {followed[at]}, and the history's is {events[at]}")
    by_job = defaultdict(list)
    for event in events:
        by_job[event["job"]].append(event)
    for job, history in by_job.items():
        _check_life(run, job, history)
    for job in set(run.ids.values()) - set(by_job):
        run.mistake(f"{job} has no history")


def _check_life(run: Run, job: str, history: list[dict[str, Any]]) -> None:
    state, kinds = JobState.QUEUED, [event["kind"] for event in history]
    if kinds[0] != "dispatched" or kinds.count("dispatched") != 1 or kinds.count("ended") != 1:
        run.mistake(f"{job} has an odd history: {kinds}")
    started = [event["attempt"] for event in history if event["kind"] == "started"]
    if len(started) != len(set(started)):
        run.mistake(f"{job} started an attempt twice: {kinds}")
    for event in history[1:]:
        if event["kind"] == "ended":
            trigger = Trigger(OUTCOME_STATES[Outcome(event["outcome"])].value)
        else:
            trigger = _TRIGGERS.get(event["kind"], Trigger.NEVER_STARTED)
        try:
            state = next_state(state, trigger) or state
        except IllegalTransitionError as illegal:
            run.mistake(f"{job}: {illegal} in {kinds}")
            return
        if event["state"] != state:
            run.mistake(f"{job}: after {event['kind']} it should be {state} and is {event['state']}")
            return


def check_log(run: Run) -> None:
    """The daemon met nothing that it did not expect."""
    for number, line in enumerate(run.daemon.log.read_text().splitlines(), 1):
        if any(word in line for word in _BAD_WORDS):
            run.mistake(f"luziad.log:{number}: {line}")


def check_processes(run: Run, daemon: int) -> None:
    """Nothing is left but the daemon, its fork server and a spare shim, once the dead have been reaped."""
    deadline = time.monotonic() + REAPED_S
    processes.reap(daemon)
    while (left := processes.left(daemon)) and time.monotonic() < deadline:
        time.sleep(0.02)
        processes.reap(daemon)
    for words in left:
        run.mistake(f"left behind: {words}")
