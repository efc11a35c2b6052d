"""The shim: one an attempt, the agent's parent, and the reaper of everything that the agent starts.

It makes the attempt's directory, starts the agent, records how it ended, and ends what is left of the
tree. It needs neither the fork server nor the daemon for that. The directory is the truth; the one line
that it writes to the reply pipe only saves the daemon a look into it.

All signals are blocked as long as it lives. SIGTERM means: end the attempt.
"""

from __future__ import annotations

import os
import signal
import time
from _json import encode_basestring_ascii
from typing import Any

from luziad.supervise import bounds, cap, cgroup, child, record, stdin, tree, tree_supervision

REPLIES = 1
"""The descriptor of the reply pipe, in the fork server and in shims. An agent has its stdout there."""


def run(request: dict[str, Any], group: cgroup.Group | None = None) -> None:
    """Carry one attempt through, from its directory to the end of its last process.

    request: `job`, `attempt`, `directory` (of the attempt, absolute), and the other fields of a Launch.
    group: the cgroup in which this process is, and the agent will be.
    """
    try:
        directory = record.make_directory(request["directory"])
        if directory is None:
            return
        held = record.lock(directory)
        if held is None or record.exists(directory, record.FENCED):
            return
        attempt = Shim(request, directory, held, group)
        attempt.run()
        attempt.write_over()
    except (OSError, ValueError) as error:
        tell(request, error=f"cannot start: {error}")


def warm_up() -> None:
    """Go through what every shim does, without effect, so that its memory is there when it counts."""
    tree.start_time(os.getpid())
    _encode({"a": "b", "c": 1.0, "d": None, "e": {}})
    record.boottime_s()
    record.awake_s()
    signal.sigpending()


def tell(request: dict[str, Any], *, error: str | None = None, **facts: Any) -> bool:
    """Tell the daemon a fact in one line, which is short enough to be written whole or not at all.

    False when the pipe is full. When nobody reads any more there is nothing to tell.
    """
    told = {"job": request["job"], "attempt": request["attempt"], **facts}
    if error is not None:
        told["error"] = record.clip(error)
    try:
        os.write(REPLIES, _encode(told) + b"\n")
    except BlockingIOError:
        return False
    except BrokenPipeError:
        return True
    return True


def _encode(value: dict[str, Any]) -> bytes:
    """A JSON object. By hand, because the encoder's code costs a new process a hundred page faults."""
    return b"{" + b", ".join([b'"%b": %b' % (name.encode(), _scalar(each)) for name, each in value.items()]) + b"}"


def _scalar(value: Any) -> bytes:
    if value is None or value is True or value is False:
        return b"null" if value is None else b"true" if value else b"false"
    if isinstance(value, str):
        return encode_basestring_ascii(value).encode()
    if isinstance(value, dict):
        return _encode(value)
    return repr(value).encode()


class Shim:
    """One attempt from its lock to its end."""

    def __init__(self, request: dict[str, Any], directory: int, lock: int, group: cgroup.Group | None) -> None:
        self._request = request
        self._group = group
        self._bounds: bounds.Bounds | None = None
        self._directory = directory
        self._lock = lock
        self._fifo: int | None = None
        self._read_clocks()
        self._identity = {
            "pid": os.getpid(),
            "start_time": tree.start_time(os.getpid()),
            "boot_id": record.boot_id(),
            "cgroup": group.path if group is not None else None,
        }
        os.pwrite(lock, _encode(self._identity), 0)
        record.write_new(directory, record.PROMPT, os.fsencode(request.pop("prompt")))
        self._exit_file = record.reserve(directory, record.EXIT, record.RESERVED_BYTES)

    def run(self) -> None:
        """Start the agent unless it is cancelled already, and stay until nothing is left of its tree."""
        child.become_subreaper()
        try:
            started = self._begin()
        except OSError as error:
            self._write_exit(error=f"cannot start: {error}")
            return
        if signal.SIGTERM in signal.sigpending():
            self._write_exit(error="cancelled before it started", stopped=True)
            return
        self._read_clocks()
        try:
            if (line := self._request.get("first_line")) is not None:
                self._fifo = stdin.begin(self._directory, os.fsencode(line) + b"\n")
            agent = self._start()
        except (child.CannotStart, bounds.CannotKeep) as why:
            self._write_exit(error=str(why))
            return
        except OSError as error:
            self._write_exit(error=f"cannot start: {error}")
            return
        record.begun(started, self._facts(agent))
        tell(self._request, agent_pid=agent, started_at=self._started_at)
        self._request.pop("env")
        self._look_after(agent)

    def write_over(self) -> None:
        """Write into the lock that nothing is left of the tree; without that, somebody has to look for survivors."""
        os.pwrite(self._lock, _encode({**self._identity, "over": True}), 0)

    def _read_clocks(self) -> None:
        self._started_at, self._started_s, self._started_awake_s = time.time(), record.boottime_s(), record.awake_s()

    def _begin(self) -> int:
        started = record.begin(self._directory, self._facts(None))
        # Only now, when the file system has just written its journal, is it cheap to make the path durable.
        job = self._request["directory"].rpartition("/")[0]
        record.sync_directory(job)
        record.sync_directory(job.rpartition("/")[0])
        return started

    def _facts(self, agent: int | None) -> bytes:
        """The content of started.json, before the agent has a process and after."""
        facts = {
            **self._identity,
            "started_at": self._started_at,
            "boottime_s": self._started_s,
            "awake_s": self._started_awake_s,
        }
        if agent is not None:
            facts |= {"agent_pid": agent, "agent_start_time": tree.start_time(agent)}
        return _encode(facts)

    def _start(self) -> int:
        asked = self._request["bounds"]
        if asked is None:
            return child.start(self._request, self._directory)
        self._bounds = bounds.Bounds(asked, self._group)
        self._bounds.set()
        try:
            agent = child.start(self._request, self._directory)
        except BaseException:
            self._bounds.abandoned()
            raise
        self._bounds.started(agent)
        return agent

    def _look_after(self, agent: int) -> None:
        request = self._request
        tree_supervision.Care(
            agent,
            group=self._group,
            output=cap.OutputCap(self._directory, request["max_log_bytes"]),
            grace_s=request["grace_s"],
            keep_children=request["keep_children"],
            ended=self._record_end,
            problem=self._tell_problem,
            hang_up=self._hang_up,
        ).run()

    def _hang_up(self) -> None:
        if self._fifo is not None:
            os.close(self._fifo)
            self._fifo = None

    def _tell_problem(self, problem: str) -> None:
        tell(self._request, problem=record.clip(problem))

    def _record_end(self, status: int, usage: Any, stopped: bool) -> None:
        """Write the exit record; when even its reserved space fails, the daemon is told, and the tree ended."""
        value = self._exit(status, usage, stopped=stopped)
        try:
            self._publish(value)
        except OSError as failure:
            tell(self._request, error=f"cannot write the exit record: {failure}", end=value)

    def _write_exit(self, *, error: str, stopped: bool = False) -> None:
        self._publish(self._exit(error=error, stopped=stopped))

    def _publish(self, value: dict[str, Any]) -> None:
        record.publish(self._directory, self._exit_file, record.EXIT, _encode(value))

    def _exit(
        self, status: int | None = None, usage: Any = None, *, error: str | None = None, stopped: bool = False
    ) -> dict[str, Any]:
        code = os.waitstatus_to_exitcode(status) if status is not None else None
        used = {}
        if usage is not None:
            used = {
                "user_s": usage.ru_utime,
                "system_s": usage.ru_stime,
                "max_rss_bytes": usage.ru_maxrss * 1024,
            }
        return {
            "exit_code": code if code is not None and code >= 0 else None,
            "signal": _signal_name(-code) if code is not None and code < 0 else None,
            "error": record.clip(error) if error else None,
            "stopped": stopped,
            "started_at": self._started_at,
            "ended_at": time.time(),
            "duration_s": record.boottime_s() - self._started_s,
            "usage": used,
        } | self._limit_hit()

    def _limit_hit(self) -> dict[str, Any]:
        most = self._bounds.memory_hit() if self._bounds is not None else None
        return {} if most is None else {"memory_limit_bytes": most}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"
