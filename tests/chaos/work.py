"""The jobs of a chaos run: what each does, and what must have become of it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, NamedTuple

SCRIPT = r"""
echo "$LUZIA_JOB_ID $LUZIA_ATTEMPT" >> "${0%/*}/runs/$LUZIA_JOB_ID.$LUZIA_ATTEMPT"
number=$1 lines=$2 pause=$3 ending=$4
i=1
while [ $i -le $lines ]; do
    echo "job $number line $i"
    [ $i = $((lines / 2)) ] && sleep $pause
    i=$((i + 1))
done
case $ending in
exit-*) exit ${ending#exit-} ;;
signal-*) kill -${ending#signal-} $$; sleep 600 ;;
leave-*)
    setsid sleep 600 &
    (trap '' TERM HUP; setsid sh -c '(sleep 600 &); sleep 600' &)
    exit ${ending#leave-} ;;
stay) exec sleep 600 ;;
insist) trap '' TERM; sleep 600 & while :; do sleep 600; done ;;
esac
"""

ENDINGS = (
    *(f"exit-{code}" for code in (0, 0, 0, 1, 2, 3, 126, 127, 128, 137, 137, 143, 255)),
    *(f"signal-{name}" for name in ("KILL", "KILL", "TERM", "HUP", "SEGV")),
    *("leave-0", "leave-5", "leave-137"),
    *("stay", "stay", "insist"),
)


class Work(NamedTuple):
    """One job. cancel_after_s: somebody cancels it then. timeout_s: the limit that it is given."""

    number: int
    lines: int
    pause_s: float
    ending: str
    cancel_after_s: float | None
    timeout_s: float | None

    @property
    def key(self) -> str:
        return f"work-{self.number}"

    @property
    def output(self) -> str:
        """What it prints when nobody ends it."""
        return "".join(f"job {self.number} line {line}\n" for line in range(1, self.lines + 1))

    def request(self, root: Path) -> dict[str, Any]:
        """The dispatch request."""
        words = (f"exec sh {root}/agent.sh", self.number, self.lines, f"{self.pause_s:.3f}", self.ending)
        request = {"op": "dispatch", "project": "overbits", "key": self.key, "task": " ".join(map(str, words))}
        return request if self.timeout_s is None else request | {"timeout_s": self.timeout_s}

    def is_right(self, job: dict[str, Any]) -> bool:
        """True when the ended job's outcome, exit code and signal are as they must be."""
        found = (job["outcome"], job.get("exit_code"), job.get("signal"))
        if self.cancel_after_s is not None and found[0] == "cancelled":
            return True
        if self.timeout_s is not None and found[0] == "timed_out":
            return True
        kind, _, value = self.ending.partition("-")
        if kind == "signal":
            return found == ("failed", None, f"SIG{value}")
        if kind in ("exit", "leave"):
            return found == ("completed" if value == "0" else "failed", int(value), None)
        return False  # it has no end of its own


def make(number: int, chance: random.Random) -> Work:
    """The work with this number."""
    ending = chance.choice(ENDINGS)
    cancel_after_s = timeout_s = None
    if ending in ("stay", "insist"):
        if chance.random() < 0.3:
            timeout_s = chance.uniform(0.05, 0.8)
        else:
            cancel_after_s = chance.uniform(0.0, 0.8)
    elif chance.random() < 0.1:
        cancel_after_s = chance.uniform(0.0, 0.4)
    pause_s = chance.choice((0.0, 0.01, 0.1, 0.5))
    return Work(number, chance.choice((2, 20, 200)), pause_s, ending, cancel_after_s, timeout_s)
