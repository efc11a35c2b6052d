"""Is the fork server, with faults in its shims that they do not know of: `shim_faults.py ROOT PLAN`.

The file PLAN says what goes wrong now, each with the probability `share`: {"kill": "write_start", "when": "after",
"share": 0.5} or {"fail": {"publish_record": "ENOSPC"}, "share": 0.5}. PLAN.killed gets the pid of every shim that
died of it, PLAN.failed that of every shim in which something failed. With `"once": true` it happens to one shim alone,
the one that makes PLAN.once.
"""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import sys
from typing import Any

POINTS = (
    "make_directory",
    "lock",
    "write_new",
    "reserve_record",
    "write_start",
    "start",
    "update_start",
    "publish_record",
    "mark_finished",
)


def wrap(owner: Any, name: str, plan_file: str) -> None:
    """Replace `owner.name` by a call that may fail, or kill the process before or after."""
    plain = getattr(owner, name)

    def faulty(*arguments: Any, **options: Any) -> Any:
        plan = read(plan_file)
        if plan is None or random.SystemRandom().random() > plan["share"]:
            return plain(*arguments, **options)
        code = plan.get("fail", {}).get(name)
        if code is not None:
            note(f"{plan_file}.failed")
            raise OSError(getattr(errno, code), os.strerror(getattr(errno, code)))
        due = plan.get("kill") == name and (not plan.get("once") or is_first(plan_file))
        if due and plan["when"] == "before":
            note(f"{plan_file}.killed")
            os.kill(os.getpid(), signal.SIGKILL)
        result = plain(*arguments, **options)
        if due:
            note(f"{plan_file}.killed")
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, faulty)


def read(plan_file: str) -> dict[str, Any] | None:
    """The plan, None when there is none."""
    try:
        with open(plan_file, encoding="utf-8") as file:
            plan: dict[str, Any] = json.load(file)
    except FileNotFoundError:
        return None
    return plan


def is_first(plan_file: str) -> bool:
    """True in the one process that asks first."""
    try:
        os.close(os.open(f"{plan_file}.once", os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def note(file: str) -> None:
    """Leave this process's pid."""
    fd = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, b"%d\n" % os.getpid())
    os.close(fd)


def main() -> None:
    sys.path[0] = sys.argv[1]
    from luziad.supervise import attempt_files, child, forkserver, shim

    for name in POINTS:
        owner = {"start": child, "mark_finished": shim.Shim}.get(name, attempt_files)
        wrap(owner, name, sys.argv[2])
    forkserver.main()


if __name__ == "__main__":
    main()
