"""Words that the project's texts do not use any more, each with what stands in its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support import ROOT

RETIRED = {
    r"\banew\b": "again, new",
    r"\bagain and again\b": "on a schedule, repeatedly",
    r"\b(go|goes|going|went) on\b": "continue",
    r"\bspans? of time\b": "duration",
    r"\bmoments\b": "times",
    r"\bno (moment|span|tag|amount|whole number)\b": "invalid time, invalid duration, …",
    r"\bsigns? of life\b": "activity",
    r"\bunder ?way\b": "in progress",
    r"\bso (long|many|much)\b(?! as| that|,)": "the option's value by its name: SPAN, N, SIZE",
    r"\b(does|do) not run\b": "is not running",
    r"\bruns already\b": "already running",
    r"\b(is|are) there already\b": "already exists",
    r"\bhow (it does|jobs do)\b": "status, statistics",
    r"\bstands? still\b": "suspended",
    r"\blet .{1,30} (go|run) on\b": "resume",
    r"\bforget(s|ting)? .{0,12}\b(job|jobs)\b": "remove",
    r"\bmend(s|ed|ing)?\b(?!\.json)": "repair",
    r"\bwhoever\b": "the name of who it is",
    r"\bsomebody\b": "the user, another process, …",
    r"\bno job runs\b": "no jobs are running",
    r"\basks nothing\b": "is not waiting for an answer",
    r"\bnothing was done\b": "aborted",
    r"\b[Ss]ay --\w+": "pass --yes to confirm",
    r"\bwhen that is meant\b": "to confirm",
    r"(?<!name=\")\bunpriced\b": "cost unknown",
    r"\bdraw(s|n|ing)? (it )?again\b": "redraw",
    r"\bmakes no sense\b": "is invalid",
    r"\b(is|are) \w+ since \d": "since HH:MM, without the verb",
    r"\bdrains since\b": "draining since",
    r"\ba while\b": "the time in question",
    r"\bby the clock\b": "on a schedule",
    r"\bbreaches\b": "exceeds",
    r"\bcomes? back\b": "returns, restarts",
    r"\bgive[sn]? (it|them) up\b": "cancel, abandon",
    r"\bis meant\b": "refers to",
    r"\b(1) (jobs|turns)\b": "1 job, 1 turn",
    r"\bbelongs to nobody\b": "has no owner",
    r"\bwords of its own\b": "the thing itself",
    r"\b(cannot|must not|may not) be had\b": "is not available",
    r"\bwent away before\b": "closed the connection before",
    r"\bis no (number|exit code|signal|TOML|state|table|tag)\b": "invalid number, invalid state, …",
    r"\bis none of\b": "is not one of",
    r"\bthe set-up\b": "the setup, the installation",
    r"\b(hangs?|hung) up\b": "close the connection",
    r"\btells? apart\b": "distinguish",
    r"\berror without words\b": "error without a message",
    r"\bis not what was written\b": "is corrupt",
    r"\b(takes?|taken) along\b": "migrate, include",
    r"\bmakes? up for all\b": "missed runs are coalesced",
    r"\blimited until\b": "usage limit until",
    r"\bquirks?\b": "peculiarities",
    r"\bkept for (it|a job|\d)": "reserved",
    r"\bwaits? for its (moment|slot)\b": "waits for a slot, is scheduled to start",
    r"\blimit \d+/\d+ of\b": "waiting for a slot (4 of 4 in use)",
    r"\bput forward or back\b": "set",
    r"\bhands? (over|a task)\b": "dispatch, pass",
    r"\btakes no more words\b|\btoo many words\b": "unexpected argument",
    r"\bdoes not go with\b": "cannot be combined with",
    r"\bis there no\b": "does not exist",
    r"\bwhat holds now\b|\bdefaults hold\b": "the effective value, the defaults apply",
    r"\bbelongs to uid\b": "is owned by uid",
    r"\bsays how to get\b": "describes how to install",
    r"\bfor ever\b": "indefinitely, forever",
}
"""Pattern, in any case -> what to write instead."""

TEXTS = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "protocol/*.md", "docs/man/**/*.[18]", "systemd/**/*", "Makefile")
    for path in ROOT.glob(pattern)
    if path.is_file()
) + sorted(
    path for package in ("luziad", "luzia_client", "protocol", "docs") for path in (ROOT / package).rglob("*.py")
)


@pytest.mark.parametrize("path", TEXTS, ids=[str(path.relative_to(ROOT)) for path in TEXTS])
def test_no_retired_word_comes_back(path: Path) -> None:
    text = re.sub(r"\s+", " ", re.sub(r"\n\s*#? ?", "\n", path.read_text()))
    found = [
        f"{text[max(match.start() - 40, 0) : match.end() + 40]!r}: write {instead}"
        for pattern, instead in RETIRED.items()
        for match in re.finditer(pattern, text, re.IGNORECASE)
    ]
    assert not found, "\n".join(found)
