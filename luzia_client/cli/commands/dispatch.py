"""`luzia PROJECT WORD...`: hand the job to the daemon, and print its name.

Everything here is on the way of every dispatch, so only what is needed is imported: the C parts of `socket`
and `json`, and os. What goes wrong imports the rest. A test lists the modules that a dispatch loads.
"""

from __future__ import annotations

import _socket
import os
import sys
from _json import encode_basestring as quoted
from _json import scanstring

from luzia_protocol import environment

from luzia_client.cli.args.command_line import DispatchLine, parse_dispatch, read_task, usage_error

EXAMPLES = (
    ('luzia overbits "fix the login button"', "to the project's agent"),
    ("luzia --agent shell . make test", "a shell command, in this directory"),
    ("luzia overbits @task.md", "a task from a file"),
)

ANSWER_TIMEOUT_S = 30.0
_ACCEPTED = b'{"ok":{"job":"'


def run(words: list[str]) -> int:
    """The command: returns the exit status. words: all after `luzia` or `luzia dispatch`."""
    asked = parse_dispatch(words, "dispatch")
    if asked.help:
        from luzia_client.cli.help import usage

        return usage.print_dispatch_help("dispatch")
    return submit(asked, task=read_task(asked))


def submit(asked: DispatchLine, task: str = "", argv: list[str] | None = None) -> int:
    """Have the daemon accept the job, and print its name."""
    # The key makes it safe to ask again when the daemon goes away before it has answered.
    asked.key = asked.key or f"auto-{os.urandom(12).hex()}"
    try:
        line = request_line(asked, task, argv).encode()
    except UnicodeEncodeError as exc:
        raise usage_error("the command line is not valid UTF-8", "Put the text into a file: @FILE.") from exc
    answer = exchange(line)
    if answer[: len(_ACCEPTED)] != _ACCEPTED:
        return _refused(asked, answer)
    job, name, project = _accepted(answer.decode())
    if asked.json:
        _say(answer[6:-1].decode())
        return 0
    if sys.stdout.isatty() and not asked.quiet:
        _confirm(job, project, created=b'"created":false' not in answer[-20:])
    _say(name)
    return 0


def _say(line: str) -> None:
    """Print a line in one piece also under PYTHONUNBUFFERED, so that the names of dispatches at once never mix."""
    sys.stdout.write(line + "\n")


def request_line(asked: DispatchLine, task: str, argv: list[str] | None) -> str:
    """The request as one line of JSON; protocol/README.md says what each field means."""
    parts = ['{"op":"dispatch","project":', quoted(asked.project)]
    if argv is None:
        parts += [',"task":', quoted(task)]
    else:
        parts += [',"argv":[', ",".join([quoted(word) for word in argv]), "]"]
    parent = "" if "parent" in asked.more else environment.current_job()
    for name, value in (("agent", asked.agent), ("key", asked.key), ("parent", parent)):
        if value:
            parts += [',"', name, '":', quoted(value)]
    if asked.more:
        import json

        parts += [",", json.dumps(asked.more, ensure_ascii=False)[1:-1]]
    for name, env in (("env", asked.env), ("client_env", environment.client_env())):
        if env:
            pairs = [f"{quoted(key)}:{quoted(value)}" for key, value in env.items()]
            parts += [',"', name, '":{', ",".join(pairs), "}"]
    parts.append("}\n")
    return "".join(parts)


def exchange(line: bytes) -> bytes:
    """Send the line and return the answer; once more when the daemon is not there, or goes away meanwhile."""
    path = environment.socket_path()
    try:
        return _exchange(path, line)
    except TimeoutError as exc:
        from luzia_client.transport.endpoint import reply_timeout

        raise reply_timeout() from exc
    except OSError:
        # Rare: no daemon yet, or not any more. The thorough client knows what to do about it.
        from luzia_client.transport.connection import Connection
        from luzia_client.transport.endpoint import REQUEST_TIMEOUT_S

        connection = Connection.open(path, autostart=True)
        connection.send(line)
        return connection.receive(REQUEST_TIMEOUT_S)


def _exchange(path: str, line: bytes) -> bytes:
    environment.check_socket_owner(path)
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    sock.connect(path)
    sock.settimeout(ANSWER_TIMEOUT_S)
    try:
        sock.sendall(line)
    except (BrokenPipeError, ConnectionResetError) as exc:
        # A daemon that refuses the connection or the line says why before it closes.
        broken: OSError = exc
    else:
        broken = ConnectionResetError("the daemon closed the connection before it replied")
    answer = b""
    while not answer.endswith(b"\n"):
        data = sock.recv(65536)
        if not data:
            raise broken
        answer += data
    sock.close()
    return answer[:-1]


def _accepted(answer: str) -> tuple[str, str, str]:
    """The job's id, name and project from an answer that begins as an accepted one does."""
    job, end = scanstring(answer, len(_ACCEPTED))
    if answer[end : end + 9] == ',"name":"':
        name, end = scanstring(answer, end + 9)
        if answer[end : end + 12] == ',"project":"':
            return job, name, scanstring(answer, end + 12)[0]
    import json

    fields = json.loads(answer)["ok"]
    return fields["job"], fields["name"], fields["project"]


def _confirm(job: str, project: str, *, created: bool) -> None:
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb"
    mark = "✓ Dispatched" if created else "✓ Dispatched before (same key)"
    print(mark if plain else f"\x1b[32m{mark}\x1b[0m")
    print(f"Job ID:  {job}\nProject: {project}\n")
    print(f"  luzia jobs{' ' * len(job)}   all jobs\n  luzia jobs {job}  this job\n")


def _refused(asked: DispatchLine, answer: bytes) -> int:
    from luzia_protocol.errors import Refused

    from luzia_client.api.replies import parse_frame
    from luzia_client.cli.show.errors import add_command_hint
    from luzia_client.transport.endpoint import UnexpectedAnswerError

    try:
        parse_frame(answer)
    except Refused as exc:
        raise add_command_hint(exc, asked.project) from exc
    raise UnexpectedAnswerError("the daemon's reply to a dispatch is invalid")
