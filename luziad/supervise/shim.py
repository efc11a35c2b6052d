"""The shim, one per attempt: the agent's parent, and the reaper of everything that the agent starts.

It creates the attempt's directory, starts the agent, records how it ended, and ends the rest of the tree, without the
fork server and the daemon. The directory is authoritative; the line on the reply pipe only saves the daemon reading it.

All signals are blocked while it runs. SIGTERM means: end the attempt.
"""

from __future__ import annotations

import os
import select
import signal
import time
from _json import encode_basestring_ascii
from typing import Any

from luziad.supervise import (
    agent_stdin,
    attempt_files,
    boot_clock,
    cgroup,
    child,
    machine_shutdown,
    output_limit,
    priority,
    resource_limits,
    tree,
    tree_supervisor,
)
from luziad.supervise.system_errors import describe_error, is_shortage

REPLIES = 1
"""The descriptor of the reply pipe in the fork server and in shims. It is an agent's stdout."""

SEND_TIMEOUT_S = 1.0
"""How long a reply may wait for room in the pipe."""


def run(request: dict[str, Any], group: cgroup.Cgroup | None = None) -> None:
    """Run one attempt, from its directory to the end of its last process.

    request: `job`, `attempt`, `directory` (of the attempt, absolute), and the other fields of a Launch.
    group: the cgroup of this process, in which the agent will start.
    """
    try:
        directory = attempt_files.make_directory(request["directory"])
        if directory is None:
            return
        held = attempt_files.lock(directory)
        if held is None or attempt_files.exists(directory, attempt_files.FENCED):
            return
        attempt = Shim(request, directory, held, group)
        attempt.run()
        attempt.mark_finished()
    except (OSError, ValueError) as error:
        send_reply(request, error=f"cannot start: {describe_error(error)}", shortage=is_shortage(error))


def warm_up() -> None:
    """Run the code that every shim runs, without effect, so that its memory pages are ready."""
    tree.start_time(os.getpid())
    _encode({"a": "b", "c": 1.0, "d": None, "e": {}})
    boot_clock.boottime_s()
    boot_clock.awake_s()
    signal.sigpending()


def send_reply(request: dict[str, Any], *, error: str | None = None, **fields: Any) -> bool:
    """Send the daemon one line, which is short enough to be written atomically.

    False when the pipe stays full. A closed pipe is ignored.
    """
    reply = {"job": request["job"], "attempt": request["attempt"], **fields}
    if error is not None:
        reply["error"] = attempt_files.clip(error)
    line = _encode(reply) + b"\n"
    deadline = time.monotonic() + SEND_TIMEOUT_S
    while True:
        try:
            os.write(REPLIES, line)
        except BlockingIOError:
            room = select.poll()
            room.register(REPLIES, select.POLLOUT)
            if not room.poll(max(0.0, deadline - time.monotonic()) * 1000):
                return False
        except BrokenPipeError:
            return True
        else:
            return True


def _encode(value: dict[str, Any]) -> bytes:
    """A JSON object. Hand-written, because the encoder costs a new process a hundred page faults."""
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

    def __init__(self, request: dict[str, Any], directory: int, lock: int, group: cgroup.Cgroup | None) -> None:
        self._request = request
        self._group = group
        self._limits: resource_limits.ResourceLimits | None = None
        self._directory = directory
        self._lock = lock
        self._fifo: int | None = None
        self._output: output_limit.OutputLimit | None = None
        self._read_clocks()
        self._identity = {
            "pid": os.getpid(),
            "start_time": tree.start_time(os.getpid()),
            "boot_id": boot_clock.boot_id(),
            "cgroup": group.path if group is not None else None,
        }
        os.pwrite(lock, _encode(self._identity), 0)
        attempt_files.write_new(directory, attempt_files.PROMPT, os.fsencode(request.pop("prompt")))
        self._exit_file = attempt_files.reserve_record(directory, attempt_files.EXIT, attempt_files.RESERVED_BYTES)

    def run(self) -> None:
        """Start the agent unless it is already cancelled, and supervise its tree until no process is left."""
        child.become_subreaper()
        try:
            started = self._write_start()
        except OSError as error:
            self._write_exit(error=f"cannot start: {describe_error(error)}", shortage=is_shortage(error))
            return
        if (cancel := signal.sigtimedwait((signal.SIGTERM,), 0.0)) is not None:
            is_shutdown = machine_shutdown.is_shutdown(cancel.si_pid)
            self._write_exit(error="cancelled before it started", stopped=True, is_shutdown=is_shutdown)
            return
        self._read_clocks()
        try:
            if (line := self._request.get("first_line")) is not None:
                self._fifo = agent_stdin.create(self._directory, os.fsencode(line) + b"\n")
            agent = self._start()
        except (child.StartError, resource_limits.LimitUnavailable) as why:
            self._write_exit(error=str(why), shortage=self._is_shortage(why.__cause__))
            return
        except OSError as error:
            self._write_exit(error=f"cannot start: {describe_error(error)}", shortage=self._is_shortage(error))
            return
        attempt_files.update_start(started, self._start_record(agent))
        if nice := self._request.get("nice"):
            priority.lower(agent, nice, self._group)
        send_reply(self._request, agent_pid=agent, started_at=self._started_at)
        self._request.pop("env")
        self._supervise(agent)

    def _is_shortage(self, error: BaseException | None) -> bool:
        """Whether the machine lacks something, rather than that the job's own limits are too low."""
        return self._request["bounds"] is None and is_shortage(error)

    def mark_finished(self) -> None:
        """Record in the lock that no process is left; otherwise the daemon searches for survivors."""
        os.pwrite(self._lock, _encode({**self._identity, "over": True}), 0)

    def _read_clocks(self) -> None:
        self._started_at, self._started_s, self._started_awake_s = (
            time.time(),
            boot_clock.boottime_s(),
            boot_clock.awake_s(),
        )

    def _write_start(self) -> int:
        started = attempt_files.write_start(self._directory, self._start_record(None))
        # Only now, when the file system has just written its journal, is it cheap to make the path durable.
        job = self._request["directory"].rpartition("/")[0]
        attempt_files.sync_directory(job)
        attempt_files.sync_directory(job.rpartition("/")[0])
        return started

    def _start_record(self, agent: int | None) -> bytes:
        """The content of started.json, before the agent has a process and after."""
        content = {
            **self._identity,
            "started_at": self._started_at,
            "boottime_s": self._started_s,
            "awake_s": self._started_awake_s,
        }
        if agent is not None:
            content |= {"agent_pid": agent, "agent_start_time": tree.start_time(agent)}
        return _encode(content)

    def _start(self) -> int:
        limits = self._request["bounds"]
        if limits is None:
            return child.start(self._request, self._directory)
        self._limits = resource_limits.ResourceLimits(limits, self._group)
        self._limits.apply()
        try:
            agent = child.start(self._request, self._directory)
        except BaseException:
            self._limits.start_failed()
            raise
        self._limits.agent_started(agent)
        return agent

    def _supervise(self, agent: int) -> None:
        request = self._request
        self._output = output_limit.OutputLimit(self._directory, request["max_log_bytes"])
        tree_supervisor.TreeSupervisor(
            agent,
            group=self._group,
            output=self._output,
            grace_s=request["grace_s"],
            keep_children=request["keep_children"],
            on_end=self._record_end,
            on_problem=self._report_problem,
            close_stdin=self._close_stdin,
        ).run()

    def _close_stdin(self) -> None:
        if self._fifo is not None:
            os.close(self._fifo)
            self._fifo = None

    def _report_problem(self, problem: str) -> None:
        send_reply(self._request, problem=attempt_files.clip(problem))

    def _record_end(self, status: int, usage: Any, stopped: bool, is_shutdown: bool) -> None:
        """Write the exit record. If even its reserved space fails, report that to the daemon and end the tree."""
        value = self._exit(status, usage, stopped=stopped, is_shutdown=is_shutdown)
        try:
            self._publish(value)
        except OSError as failure:
            send_reply(self._request, error=f"cannot write the exit record: {describe_error(failure)}", end=value)

    def _write_exit(
        self, *, error: str, stopped: bool = False, shortage: bool = False, is_shutdown: bool = False
    ) -> None:
        self._publish(self._exit(error=error, stopped=stopped, is_shutdown=is_shutdown) | {"shortage": shortage})

    def _publish(self, value: dict[str, Any]) -> None:
        attempt_files.publish_record(self._directory, self._exit_file, attempt_files.EXIT, _encode(value))

    def _exit(
        self,
        status: int | None = None,
        usage: Any = None,
        *,
        error: str | None = None,
        stopped: bool = False,
        is_shutdown: bool = False,
    ) -> dict[str, Any]:
        code = os.waitstatus_to_exitcode(status) if status is not None else None
        used = {}
        if usage is not None:
            used = {
                "user_s": usage.ru_utime,
                "system_s": usage.ru_stime,
                "max_rss_bytes": usage.ru_maxrss * 1024,
            }
        return (
            {
                "exit_code": code if code is not None and code >= 0 else None,
                "signal": _signal_name(-code) if code is not None and code < 0 else None,
                "error": attempt_files.clip(error) if error else None,
                "stopped": stopped,
                "started_at": self._started_at,
                "ended_at": time.time(),
                "duration_s": boot_clock.boottime_s() - self._started_s,
                "usage": used,
            }
            | ({"is_shutdown": True} if is_shutdown else {})
            | self._limit_hit()
            | self._lost_output()
        )

    def _lost_output(self) -> dict[str, Any]:
        if self._output is None:
            return {}
        self._output.look()
        return {"lost_bytes": self._output.lost_bytes} if self._output.lost_bytes else {}

    def _limit_hit(self) -> dict[str, Any]:
        most = self._limits.exceeded_memory_limit() if self._limits is not None else None
        if most is not None:
            return {"memory_limit_bytes": most}
        killer = resource_limits.find_memory_killer(self._group)
        return {} if killer is None else {"memory_killer": killer}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"
