"""The commands of OpenSSH that a link consists of, and what their errors mean."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Sequence
from typing import IO

from luzia_client.hosts import HostError
from luzia_client.hosts.settings import Host

CONNECT_TIMEOUT_S = 10
KEEPALIVE_S, KEEPALIVES = 5, 2
"""A link whose other end leaves that many keepalives unanswered is given up (ssh_config(5), ServerAliveInterval)."""
IDLE_S = 600
"""A link that no client uses ends after this time (ssh_config(5), ControlPersist)."""
COMMAND_TIMEOUT_S = 60.0
MAX_OUTPUT_BYTES = 4 * 1024 * 1024
"""How much is read of what a command prints: what runs there may not be luzia."""

_MEANINGS: tuple[tuple[str, str, str], ...] = (
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED|Offending .* key in",
        "its host key is not the one that is known for it",
        "Find out why before you connect: another machine may have its address. Then see `ssh-keygen -R`.",
    ),
    (
        r"Host key verification failed|host key is known",
        "its host key is not known",
        "Run `ssh {destination}` once, and compare the key that it shows.",
    ),
    (
        r"Permission denied|Too many authentication failures",
        "it refuses the login",
        "`ssh {destination} true` must work without a prompt; see ssh-copy-id(1) and ssh-agent(1).",
    ),
    (
        r"Could not resolve hostname",
        "its name cannot be resolved",
        "Check the destination with `luzia hosts list`, and ~/.ssh/config.",
    ),
)
"""A pattern of ssh's messages, what it means, and what to do."""


def may_ask() -> bool:
    """Whether ssh may ask for a password or about a host key: a person is at the terminal."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def master_command(host: Host, control: str) -> list[str]:
    """The command that connects, goes to the background and serves all clients of the link."""
    options = {
        "BatchMode": "no" if may_ask() else "yes",
        "ConnectTimeout": CONNECT_TIMEOUT_S,
        "ControlMaster": "yes",
        "ControlPath": control,
        "ControlPersist": IDLE_S,
        "ExitOnForwardFailure": "yes",
        "ForwardAgent": "no",
        "ForwardX11": "no",
        "ClearAllForwardings": "yes",  # those of ~/.ssh/config: a link has its own only
        "PermitLocalCommand": "no",
        "ServerAliveInterval": KEEPALIVE_S,
        "ServerAliveCountMax": KEEPALIVES,
        "StreamLocalBindMask": "0177",
        "StreamLocalBindUnlink": "yes",
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return ["ssh", "-f", "-N", *words, "--", host.destination]


def direct_command(host: Host, *words: str) -> list[str]:
    """A command of ssh on a connection of its own, for a host to which there is no link yet."""
    options = ("-o", f"BatchMode={'no' if may_ask() else 'yes'}", "-o", f"ConnectTimeout={CONNECT_TIMEOUT_S}", "-T")
    return ["ssh", *options, "--", host.destination, *words]


def shared_command(host: Host, control: str, *words: str, options: Sequence[str] = ()) -> list[str]:
    """A command of ssh that uses the link and never connects by itself. words: the command line there."""
    never = ("-o", "ControlMaster=no", "-o", "BatchMode=yes", "-o", "ProxyCommand=false")
    return ["ssh", "-o", f"ControlPath={control}", *never, *options, "--", host.destination, *words]


def run(argv: list[str], content: bytes = b"", timeout_s: float = COMMAND_TIMEOUT_S) -> tuple[int, str, str]:
    """Run a command; returns its exit status, and what it printed on stdout and stderr.

    content: what it reads from stdin. One that prints MAX_OUTPUT_BYTES is ended. Raises TimeoutError after `timeout_s`
    seconds, and HostError without ssh.
    """
    from concurrent.futures import ThreadPoolExecutor  # most commands run without

    try:
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/")
    except FileNotFoundError as exc:
        raise ssh_missing() from exc

    def read(stream: IO[bytes]) -> str:
        found = stream.read(MAX_OUTPUT_BYTES)
        if len(found) == MAX_OUTPUT_BYTES:
            process.kill()
        return found.decode(errors="replace")

    with process, ThreadPoolExecutor(2) as readers:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            output, errors = readers.submit(read, process.stdout), readers.submit(read, process.stderr)
            with contextlib.suppress(BrokenPipeError), process.stdin:
                process.stdin.write(content)
            return process.wait(timeout_s), output.result(), errors.result()
        except subprocess.TimeoutExpired as exc:
            raise TimeoutError(f"{argv[0]} did not end within {timeout_s:.0f} s") from exc
        finally:
            process.kill()


def ssh_missing() -> HostError:
    """What to raise when there is no ssh."""
    return HostError("ssh is not installed", "Install OpenSSH, such as the package openssh-client.")


def explain(host: Host, text: str) -> HostError:
    """What to raise when ssh could not connect. text: what it printed on stderr."""
    what = f"host {host.name} ({host.destination}) is not reachable"
    for pattern, meaning, hint in _MEANINGS:
        if re.search(pattern, text):
            return HostError(f"{what}: {meaning}", hint.format(destination=host.destination))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    reason = re.sub(r"^ssh: ", "", lines[-1]) if lines else "ssh failed and printed no reason"
    return HostError(f"{what}: {reason}", f"`ssh {host.destination} true` must work; jobs there are not affected.")
