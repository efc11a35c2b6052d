"""`max_log_bytes` as clients see it: what is gone is told, what is kept keeps its offsets."""

from __future__ import annotations

from support import private_daemon

PRINT = "i=0; while [ $i -lt 20000 ]; do echo line $i of many; i=$((i+1)); done"
WHOLE = "".join(f"line {number} of many\n" for number in range(20_000))


def test_logs_and_followers_cope_with_a_missing_beginning() -> None:
    with private_daemon("\n[daemon]\nmax_log_bytes = 65536\n") as daemon, daemon.connect() as wire:
        job = wire.ok(op="dispatch", project="overbits", task=PRINT)["job"]
        wire.ok(op="wait", jobs=[job])
        piece = wire.ok(op="logs", job=job, max_bytes=100)
        begin = piece["dropped_bytes"]
        assert begin > 0
        assert (piece["offset"], piece["next_offset"], piece["size"]) == (begin, begin + 100, len(WHOLE))
        assert piece["data"] == WHOLE[begin : begin + 100]
        wire.ok(op="follow", job=job)
        followed = ""
        while "end" not in (frame := wire.receive()):
            followed += frame["output"]["data"]
        assert followed == WHOLE[begin:]
        assert frame["end"]["offset"] == len(WHOLE)
        shown = daemon.run("logs", job)
        assert shown.stdout == WHOLE[begin:]
        assert shown.stderr == f"luzia: the first {begin} bytes of this output were dropped (max_log_bytes)\n"
        last = daemon.run("logs", "-n", "2", job)
        assert (last.stdout, last.stderr) == ("line 19998 of many\nline 19999 of many\n", "")


def test_a_project_may_keep_more() -> None:
    config = '\n[daemon]\nmax_log_bytes = 65536\n[projects.wordy]\npath = "{root}"\nmax_log_bytes = 1048576\n'
    with private_daemon(config) as daemon, daemon.connect() as wire:
        job = wire.ok(op="dispatch", project="wordy", agent="shell", task=PRINT)["job"]
        wire.ok(op="wait", jobs=[job])
        assert wire.ok(op="logs", job=job, max_bytes=1 << 20)["data"] == WHOLE
