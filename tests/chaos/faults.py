"""Runs luziad with faults that it does not know of: `python faults.py [arguments of luziad]`.

The file that CHAOS_PLAN names says what goes wrong now; it may change, come and go while the daemon runs:
{"fail": {"write": "ENOSPC", "fsync": "EIO"}} lets every such call fail;
{"kill": "write", "when": "before", "count": 3} kills the process by SIGKILL before (or after) the third such call.
The fork server is the one of shim_faults.py; with the variable CHAOS_MIXED it is that or the installed one, by chance.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

POINTS = ("write", "fsync", "rename", "mkdir", "submit", "spawn", "reply", "look")


class Faults:
    """Wraps calls; each call asks the plan what is to happen to it."""

    def __init__(self, plan: str) -> None:
        self._plan = plan
        self._counts: Counter[str] = Counter()
        self._counted_for = ""
        self._lock = threading.Lock()

    def wrap(self, owner: Any, name: str, point: str, failure: Callable[[int], Exception]) -> None:
        """Replace `owner.name` by a call that may fail, or kill the process before or after."""
        plain = getattr(owner, name)

        def faulty(*arguments: Any, **options: Any) -> Any:
            plan = self._read()
            code = plan.get("fail", {}).get(point)
            if code is not None:
                raise failure(getattr(errno, code))
            due = plan.get("kill") == point and self._is_due(plan)
            if due and plan["when"] == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            result = plain(*arguments, **options)
            if due:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        setattr(owner, name, faulty)

    def _read(self) -> dict[str, Any]:
        with contextlib.suppress(FileNotFoundError), open(self._plan, encoding="utf-8") as file:
            plan: dict[str, Any] = json.load(file)
            return plan
        return {}

    def _is_due(self, plan: dict[str, Any]) -> bool:
        with self._lock:
            text = json.dumps(plan)
            if text != self._counted_for:
                self._counted_for = text
                self._counts.clear()
            self._counts[plan["kill"]] += 1
            return bool(self._counts[plan["kill"]] == plan["count"])


def main() -> int:
    from luziad import cli
    from luziad.errors import StorageError
    from luziad.executor import attempt_directory, fork_server_client
    from luziad.server.session import Session
    from luziad.store.sqlite import Store

    def system(code: int) -> Exception:
        return OSError(code, os.strerror(code))

    def storage(code: int) -> Exception:
        return StorageError(os.strerror(code))

    plan = os.environ["CHAOS_PLAN"]
    root = str(Path(cli.__file__).resolve().parents[1])
    shims = str(Path(__file__).with_name("shim_faults.py"))
    whole = fork_server_client.command
    faulty = [sys.executable, "-I", "-S", "-X", "utf8", shims, root, f"{plan}.shims"]
    is_mixed = "CHAOS_MIXED" in os.environ
    fork_server_client.command = lambda: random.choice((whole(), faulty)) if is_mixed else faulty
    faults = Faults(plan)
    faults.wrap(Store, "write", "write", storage)
    for name in ("fsync", "rename", "mkdir"):
        faults.wrap(os, name, name, system)
    faults.wrap(fork_server_client.ForkServerClient, "send", "submit", system)
    faults.wrap(fork_server_client, "_spawn", "spawn", system)
    faults.wrap(Session, "_flush", "reply", system)
    faults.wrap(attempt_directory, "reconcile", "look", system)
    return cli.main()


if __name__ == "__main__":
    sys.path.pop(0)  # this folder's modules are not the daemon's business
    sys.exit(main())
