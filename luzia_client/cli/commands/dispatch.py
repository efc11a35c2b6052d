"""Dispatch a job to the daemon, and print the job's name: `luzia PROJECT TASK…`.

Every dispatch loads this module, so it imports only the C parts of `socket` and `json`; error paths import the rest.
A test lists the modules that a dispatch loads.
"""

from __future__ import annotations

import _socket
import os
import sys
from _json import encode_basestring as quote
from _json import scanstring

from luzia_protocol import environment

from luzia_client.cli.args.command_line import ALIASES, COMMANDS, DispatchLine, parse_dispatch, read_task, usage_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

EXAMPLES = (
    ('luzia overbits "fix the login button"', "run a task with the project's agent"),
    ("luzia --agent shell . make test", "run a shell command in this directory"),
    ("luzia overbits @task.md", "read the task from a file"),
)

REPLY_TIMEOUT_S = 30.0
MAX_REPLY_BYTES = 4 * 1024 * 1024
"""As framing.MAX_FRAME_BYTES, which takes time to load."""
LINK_RETRY_S = 60.0
"""How long a request is repeated for a host whose link is cut; a dispatch has its key."""
_ACCEPTED = b'{"ok":{"job":"'


def run(words: list[str], send: Callable[[bytes], bytes] | None = None) -> int:
    """Run the command; returns the exit status. words: those after `luzia` or `luzia dispatch`. send: as in submit."""
    line = parse_dispatch(words, "dispatch")
    if line.help:
        from luzia_client.cli.args.task_source import check_project
        from luzia_client.cli.help import usage

        if line.project:
            check_project(line.project, (*COMMANDS, *ALIASES))  # it may be a misspelt command
        return usage.print_dispatch_help("dispatch")
    if not line.words and sys.stdin.isatty() and sys.stdout.isatty():
        from luzia_client.cli.commands import compose

        return compose.run(line, submit)
    return submit(line, task=read_task(line), send=send)


def submit(
    line: DispatchLine,
    task: str = "",
    argv: list[str] | None = None,
    send: Callable[[bytes], bytes] | None = None,
) -> int:
    """Send the request to the daemon, and print the job's name; returns the exit status.

    send: has the reply to the request; None exchanges them with the daemon.
    """
    # With a key the request can be repeated safely when the daemon stops before it replies.
    line.key = line.key or f"auto-{os.urandom(12).hex()}"
    try:
        request = format_request(line, task, argv).encode()
    except UnicodeEncodeError as exc:
        from luzia_client.cli.args.parser import check_encoding

        check_encoding(sys.argv[1:])
        hint = "Rename the directory, or set the variable to a text."
        raise usage_error("a path or a variable of the dispatch is not valid UTF-8", hint) from exc
    reply = (send or exchange)(request)
    if b'"unknown_project"' in reply and _has_chosen_host(line.project):
        reply = exchange(format_request(line, task, argv).encode())
    if reply[: len(_ACCEPTED)] != _ACCEPTED:
        _raise_refusal(line, reply)
    job, name, project = _parse_accepted(reply)
    if line.json:
        text = reply[6:-1].decode()
        if not text.isprintable():
            from luzia_client.cli.show.text import harmless_json

            text = harmless_json(text)
        _print_line(text)
        return 0
    print_accepted(job, name, project, quiet=line.quiet, created=b'"created":false' not in reply[-20:])
    return 0


def print_accepted(job: str, name: str, project: str, *, quiet: bool, created: bool = True) -> None:
    """Print the name of a job that is dispatched; on a terminal also why it does not start yet, and how to continue.

    created: False when the job existed already.
    """
    if quiet or not sys.stdout.isatty():
        _print_line(name)
        return
    is_line, why = _ask_about(job)
    if is_line:
        _warn_of_logout()
        notes = ["" if created else "  dispatched before (same key)", why and f"  {why}"]
        _print_line(name + "".join(notes))
        return
    _print_confirmation(job, project, created=created)
    if why:
        print(f"  {why}\n")
    _warn_of_logout()
    _print_line(name)


def _print_line(line: str) -> None:
    """Print a line in one write, also under PYTHONUNBUFFERED, so that concurrent dispatches do not mix their names."""
    sys.stdout.write(line + "\n")


def format_request(line: DispatchLine, task: str, argv: list[str] | None) -> str:
    """The request as one line of JSON, as protocol/README.md describes it."""
    parts = ['{"op":"dispatch","project":', quote(line.project)]
    if argv is None:
        parts += [',"task":', quote(task)]
    else:
        parts += [',"argv":[', ",".join([quote(word) for word in argv]), "]"]
    parent = "" if "parent" in line.fields else environment.current_job()
    for name, value in (("agent", line.agent), ("key", line.key), ("parent", parent)):
        if value:
            parts += [',"', name, '":', quote(value)]
    if (umask := environment.process_umask()) is not None:
        parts.append(f',"umask":{umask}')
    if line.fields:
        import json

        parts += [",", json.dumps(line.fields, ensure_ascii=False)[1:-1]]
    for name, env in (("env", line.env), ("client_env", environment.client_env())):
        if env:
            pairs = [f"{quote(key)}:{quote(value)}" for key, value in env.items()]
            parts += [',"', name, '":{', ",".join(pairs), "}"]
    parts.append("}\n")
    return "".join(parts)


def exchange(line: bytes) -> bytes:
    """Send a line and return the reply; start the daemon and try again if the connection fails."""
    path = environment.socket_path()
    try:
        return _exchange(path, line)
    except TimeoutError as exc:
        from luzia_client.transport.endpoint import reply_timeout

        raise reply_timeout() from exc
    except OSError:
        return exchange_again(line)


def exchange_with_running(line: bytes) -> bytes:
    """The same without starting the daemon. Raises OSError when it is not running."""
    return _exchange(environment.socket_path(), line)


def exchange_again(line: bytes) -> bytes:
    """The same with the full client, which can start the daemon: it is not running, or has just stopped.

    The link to another host may be cut for longer.
    """
    import time

    from luzia_client.api.streams import ReconnectDelays
    from luzia_client.transport.connection import Connection
    from luzia_client.transport.endpoint import REQUEST_TIMEOUT_S, DaemonUnreachableError

    delays = ReconnectDelays(LINK_RETRY_S if os.environ.get("LUZIA_HOST") else 0.0)
    while True:
        try:
            connection = Connection.open(environment.socket_path(), autostart=True)
            connection.send(line)
            return connection.receive(REQUEST_TIMEOUT_S)
        except DaemonUnreachableError as exc:
            time.sleep(delays.next_s(exc))


def _exchange(path: str, line: bytes) -> bytes:
    environment.check_socket_owner(path)
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    sock.connect(path)
    environment.check_peer(path, sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12))
    sock.settimeout(REPLY_TIMEOUT_S)
    try:
        sock.sendall(line)
    except (BrokenPipeError, ConnectionResetError) as exc:
        # A daemon that refuses the connection or the line sends its reason before it closes.
        broken: OSError = exc
    else:
        broken = ConnectionResetError("the daemon closed the connection before it replied")
    reply = b""
    while not reply.endswith(b"\n"):
        data = sock.recv(65536)
        if not data:
            raise broken
        reply += data
        if len(reply) > MAX_REPLY_BYTES:
            from luzia_client.transport.endpoint import UnexpectedAnswerError

            raise UnexpectedAnswerError("the daemon's reply is longer than 4 MiB")
    sock.close()
    return reply[:-1]


def _parse_accepted(reply: bytes) -> tuple[str, str, str]:
    """The job's id, name and project from a reply that begins with _ACCEPTED. Raises UnexpectedAnswerError."""
    try:
        found = _read_accepted(reply.decode())
        if "".join(found).isprintable() or not os.environ.get("LUZIA_HOST"):
            return found  # a directory here may have any name
    except (ValueError, LookupError, TypeError, RecursionError):
        pass  # as below
    from luzia_client.transport.endpoint import UnexpectedAnswerError

    raise UnexpectedAnswerError("the daemon's reply to a dispatch is invalid")


def _read_accepted(reply: str) -> tuple[str, str, str]:
    job, end = scanstring(reply, len(_ACCEPTED))
    if reply[end : end + 9] == ',"name":"':
        name, end = scanstring(reply, end + 9)
        if reply[end : end + 12] == ',"project":"':
            return job, name, scanstring(reply, end + 12)[0]
    import json

    fields = json.loads(reply)["ok"]
    return fields["job"], fields["name"], fields["project"]


def _print_confirmation(job: str, project: str, *, created: bool) -> None:
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb"
    mark = "✓ Dispatched" if created else "✓ Dispatched before (same key)"
    print(mark if plain else f"\x1b[32m{mark}\x1b[0m")
    print(f"Job ID:  {job}\nProject: {project}\n")
    if host := os.environ.get("LUZIA_HOST"):
        print(f"Use: luzia --host {host} jobs to view status\n     luzia jobs {host}/{job} for details\n")
        return
    print(f"Use: luzia jobs to view status\n     luzia jobs {job} for details\n")


def _ask_about(job: str) -> tuple[bool, str]:
    """Whether one line confirms the job, and what it waits for if it does not start at once: a slot, a paused queue."""
    import json

    from luzia_protocol.errors import LuziaError

    try:
        reply = json.loads(exchange(f'{{"op":"status","job":{quote(job)},"confirm":true}}\n'.encode()))
    except (OSError, ValueError, RecursionError, LuziaError):
        return False, ""  # the job is dispatched
    answer = reply.get("ok") if isinstance(reply, dict) else None
    if not isinstance(answer, dict):
        return False, ""
    found, why = answer.get("job"), ""
    if (
        isinstance(found, dict)
        and found.get("state") == "queued"
        and found.get("reason") not in (None, "about to start")
    ):
        from luzia_client.cli.show.text import one_line

        why = f"queued: {one_line(str(found['reason']))}"
    return answer.get("confirm") == "line", why


def _warn_of_logout() -> None:
    """Tell once that systemd ends jobs at the logout. Only a user's manager does, which has this directory."""
    if os.path.exists(os.path.join(os.environ.get("XDG_RUNTIME_DIR", "/nonexistent"), "systemd", "private")):
        from luzia_client.transport.logout import warn_once

        warn_once(environment.socket_path())


def _has_chosen_host(project: str) -> bool:
    """Whether the configuration names a host for a project that is unknown here; that host is used from now on."""
    from luzia_client.cli.args import host_choice

    return host_choice.choose_by_project(project)


def _raise_refusal(line: DispatchLine, reply: bytes) -> NoReturn:
    from luzia_protocol.errors import Refused

    from luzia_client.api.replies import parse_frame
    from luzia_client.cli.show.errors import add_command_hint
    from luzia_client.transport.endpoint import UnexpectedAnswerError

    try:
        parse_frame(reply)
    except Refused as exc:
        raise add_command_hint(exc, line.project, line.words) from exc
    raise UnexpectedAnswerError("the daemon's reply to a dispatch is invalid")
