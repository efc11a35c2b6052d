"""The link to a host: a socket here that ssh forwards to the daemon there. All clients of this user share it.

One process starts it, under a lock, while the others wait. It ends by itself some minutes after its last client.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import time
from enum import Enum
from typing import NamedTuple

from luzia_protocol import environment
from luzia_protocol.regular_files import open_regular
from luzia_protocol.version import PROTOCOL_VERSION

from luzia_client.hosts import HostError, ssh
from luzia_client.hosts import link_files as files
from luzia_client.hosts.far_side import NOT_FOUND, FarSide, find_luzia, incompatible
from luzia_client.hosts.settings import Host, find_host

GREETING_TIMEOUT_S = 10.0
"""How long a link that is open may say nothing before it is taken for a broken one."""
CONTROL_TIMEOUT_S = 5.0
TERM_S = 1.0
START_TIMEOUT_S = 45.0
_REPLY_BYTES = 65536


class _Greeting(Enum):
    """What a link answers."""

    OK = "the daemon replies"
    ABSENT = "nothing listens here"
    CLOSED = "ssh listens, and nothing there"
    SILENT = "no answer"


class Link(NamedTuple):
    """A link that is open. socket: here. control: of ssh, for more commands on the same connection."""

    host: Host
    socket: str
    control: str
    far: FarSide


def open_link(host: Host) -> Link:
    """The link to a host, which is started unless it is open and the daemon there replies. Raises HostError."""
    began, pid = time.time(), files.read_pid(host.name)
    greeting = _greet(host)
    if greeting is _Greeting.OK and (link := _recorded(host)) is not None:
        return link
    with files.locked(host.name) as lock:
        if greeting is not _Greeting.SILENT or files.read_pid(host.name) != pid:  # nobody has replaced a silent one
            greeting = _greet(host)
        if greeting is _Greeting.OK and (link := _recorded(host)) is not None:
            return link
        files.raise_failure_of_other(lock, began)
        try:
            return _start(host, greeting)
        except HostError as exc:
            files.record_failure(lock, exc)
            raise


def reopen(path: str) -> None:
    """Open the link again whose socket nothing listens on. Raises HostError."""
    name = files.host_of(path)
    assert name is not None
    open_link(find_host(name))


def close_link(name: str) -> bool:
    """End a link; returns whether there was one. Its clients lose their connections."""
    if not os.path.isdir(files.directory()):
        return False
    host = Host(name, "-")
    with files.locked(host.name):
        return _end(host)


def is_open(name: str) -> bool:
    """Whether the link of a host is open at the moment."""
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(files.path_of(name, "sock"))
    except OSError:
        return False
    return True


def _greet(host: Host) -> _Greeting:
    """Say hello to the daemon. Raises HostError when it does not support this client."""
    path = files.path_of(host.name, "sock")
    with socket.socket(socket.AF_UNIX) as connected:
        connected.settimeout(GREETING_TIMEOUT_S)
        try:
            connected.connect(path)
            environment.check_peer(path, connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        except PermissionError as exc:
            raise HostError(f"refusing to connect to {path}: {exc.strerror}", f"Remove {files.directory()}.") from exc
        except OSError:
            return _Greeting.ABSENT
        request = {"op": "hello", "version": PROTOCOL_VERSION, "client": "luzia --host"}
        reply = b""
        try:
            connected.sendall(json.dumps(request).encode() + b"\n")
            while not reply.endswith(b"\n") and len(reply) < _REPLY_BYTES:
                if not (data := connected.recv(_REPLY_BYTES)):
                    return _Greeting.CLOSED
                reply += data
        except TimeoutError:
            return _Greeting.SILENT
        except OSError:
            return _Greeting.CLOSED
    try:
        found = json.loads(reply)
        error = found.get("error")
        refusal = None if error is None else (error["code"], f"{error['message']}", f"{error.get('hint', '')}")
    except (ValueError, RecursionError, AttributeError, LookupError, TypeError):
        raise HostError(
            f"the process that answers on host {host.name} is not luziad", f"See `luzia --host {host.name} doctor`."
        ) from None
    if refusal is None:
        return _Greeting.OK
    code, message, hint = refusal
    if code == "unsupported_version":
        raise incompatible(host, message)
    raise HostError(f"luziad on host {host.name} refused the connection: {message}", hint)


def _recorded(host: Host) -> Link | None:
    """The link as it was started; None when it was started for another destination."""
    record = files.read_record(host)
    if record is None:
        return None
    return Link(host, files.path_of(host.name, "sock"), files.path_of(host.name, "ctl"), record.far)


def _start(host: Host, greeting: _Greeting) -> Link:
    """Start the link, or only what is missing of it."""
    control = files.path_of(host.name, "ctl")
    if greeting is _Greeting.CLOSED and files.read_record(host) is not None:
        # The connection is good, and the daemon there has stopped, or has moved its socket.
        try:
            return _forward(host, control, find_luzia(host, control))
        except TimeoutError:
            pass
    _end(host)
    _connect(host, control)
    files.write_record(host, files.Record(NOT_FOUND, _pid_of_master(host, control)))  # so that it can be ended
    try:
        return _forward(host, control, find_luzia(host, control))
    except TimeoutError as exc:
        _end(host)
        raise HostError(
            f"host {host.name} ({host.destination}) does not answer",
            f"Check that `ssh {host.destination} true` works.",
        ) from exc
    except BaseException:
        _end(host)
        raise


def _connect(host: Host, control: str) -> None:
    """Start ssh, which goes to the background when it has connected. Raises HostError."""
    log = files.path_of(host.name, "log")
    with open(open_regular(log, os.O_RDWR | os.O_CREAT | os.O_TRUNC), "r+b") as errors:
        try:
            process = subprocess.Popen(
                ssh.master_command(host, control),
                stdin=None if ssh.may_ask() else subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd="/",
            )
        except FileNotFoundError as exc:
            raise ssh.ssh_missing() from exc
        try:
            # A person at the terminal may need time for a password.
            status = process.wait(None if ssh.may_ask() else START_TIMEOUT_S)
        except subprocess.TimeoutExpired as exc:
            process.kill()
            process.wait()
            raise HostError(
                f"host {host.name} ({host.destination}) is not reachable: no login within {START_TIMEOUT_S:.0f} s",
                f"`ssh {host.destination} true` must work without a prompt.",
            ) from exc
        except BaseException:
            process.kill()
            process.wait()
            raise
        errors.seek(0)
        text = errors.read().decode(errors="replace")
    if status != 0:
        raise ssh.explain(host, text)


def _forward(host: Host, control: str, far: FarSide) -> Link:
    """Forward the socket, record the link, and see that the daemon replies through it. Raises HostError."""
    here = files.path_of(host.name, "sock")
    known = files.read_record(host)
    if known is None or known.far.socket != far.socket or not os.path.exists(here):
        forward = ["-O", "forward", "-L", f"{here}:{far.socket}"]
        if known is not None and known.far != NOT_FOUND:
            ssh.run(ssh.shared_command(host, control, options=["-O", "cancel", "-L", f"{here}:{known.far.socket}"]))
        status, _, errors = ssh.run(ssh.shared_command(host, control, options=forward), timeout_s=CONTROL_TIMEOUT_S)
        if status != 0:
            raise HostError(
                f"ssh cannot forward the socket of luziad on host {host.name}: {errors.strip() or 'no reason given'}",
                "The ssh server there must permit AllowStreamLocalForwarding.",
            )
    files.write_record(host, files.Record(far, files.read_pid(host.name)))
    greeting = _greet(host)
    if greeting is not _Greeting.OK:
        raise HostError(
            f"luziad on host {host.name} does not reply through ssh ({greeting.value})",
            f"The ssh server there must permit AllowStreamLocalForwarding; see `luzia --host {host.name} doctor`.",
        )
    return Link(host, here, control, far)


def _pid_of_master(host: Host, control: str) -> int:
    _, output, errors = ssh.run(ssh.shared_command(host, control, options=["-O", "check"]), timeout_s=CONTROL_TIMEOUT_S)
    found = (output + errors).partition("pid=")[2].partition(")")[0]
    if not found.isdecimal():
        raise ssh.explain(host, errors)
    return int(found)


def _unrecorded_pid(host: Host, control: str) -> int:
    """The process of a link whose starter has ended before it could record it; 0 if there is none."""
    if not os.path.exists(control):
        return 0
    try:
        return _pid_of_master(host, control)
    except (HostError, TimeoutError):
        return 0


def _end(host: Host) -> bool:
    """End the link, also one that does not react; returns whether there was one."""
    control = files.path_of(host.name, "ctl")
    process = _open_master(files.read_pid(host.name) or _unrecorded_pid(host, control), control)
    if process is not None:
        # One that is still ending would remove the sockets of the next one.
        ended = select.poll()
        ended.register(process, select.POLLIN)
        for number, wait_s in ((signal.SIGTERM, TERM_S), (signal.SIGKILL, CONTROL_TIMEOUT_S)):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(process, number)
            if ended.poll(wait_s * 1000):
                break
        os.close(process)
    files.remove(host.name)
    return process is not None


def _open_master(pid: int, control: str) -> int | None:
    """A descriptor of the process of a link; None when it has ended, and its id may be another process's."""
    try:
        process = os.pidfd_open(pid)
    except (ProcessLookupError, OSError):
        return None
    if _is_master(pid, control):
        return process
    os.close(process)
    return None


def _is_master(pid: int, control: str) -> bool:
    """Whether the process is still that of the link."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return os.fsencode(control) in file.read()
    except OSError:
        return False
