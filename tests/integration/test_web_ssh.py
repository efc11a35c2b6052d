"""The recipe of docs/web.md for ssh: the page of another machine, through a real sshd on a loopback address."""

from __future__ import annotations

import getpass
import http.client
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support import DEADLINE_S, MAIN, ROOT, PrivateDaemon, dispatch, ended, eventually, private_daemon

SERVER, OWN = "127.0.0.1", "127.0.0.2"
"""The two machines: the same port is another one on each."""
ADDED = {"PATH", "HOME", "XDG_RUNTIME_DIR"}
SSHD = """
ListenAddress {server}:{port}
HostKey {root}/host
AuthorizedKeysFile {root}/user.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
"""


def recipe() -> list[str]:
    """The words of the command below the title ssh."""
    text = (ROOT / "docs" / "web.md").read_text()
    found = re.search(r"^### ssh\n.*?^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert found is not None
    return shlex.split(found[1])


def free_port() -> int:
    """A port on which nothing listens, on either machine."""
    with socket.create_server((SERVER, 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def sshd(root: Path) -> Iterator[list[str]]:
    """A running server for this user; the options of ssh that lead to it."""
    program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None or shutil.which("ssh") is None:
        pytest.skip("sshd and ssh are not installed: apt install openssh-server openssh-client")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # compiled into sshd; its unit creates it
    for name in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(root / name)]
        subprocess.run(command, check=True, timeout=DEADLINE_S)
    port = free_port()
    (root / "sshd_config").write_text(SSHD.format(server=SERVER, port=port, root=root))
    command = [program, "-D", "-e", "-f", str(root / "sshd_config")]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        eventually(lambda: process.poll() is not None or is_open(SERVER, port), "sshd")
        assert process.poll() is None, process.communicate()[1]
        where = ["-F", "none", "-p", str(port), "-i", str(root / "user"), "-o", "StrictHostKeyChecking=no"]
        yield [*where, "-o", f"UserKnownHostsFile={root}/known", "-o", "LogLevel=ERROR", "-l", getpass.getuser()]
    finally:
        process.terminate()
        process.communicate(timeout=DEADLINE_S)


def is_open(host: str, port: int) -> bool:
    """Whether something listens there."""
    try:
        socket.create_connection((host, port), DEADLINE_S).close()
    except OSError:
        return False
    return True


def post(port: int, path: str, body: object, cookie: str = "") -> tuple[http.client.HTTPResponse, bytes]:
    """A request of a browser on the own machine, which knows nothing of the other one."""
    connection = http.client.HTTPConnection(OWN, port, timeout=DEADLINE_S)
    name = f"127.0.0.1:{port}"
    headers = {"host": name, "origin": f"http://{name}", "content-type": "application/json", "cookie": cookie}
    connection.request("POST", path, json.dumps(body), headers)
    reply = connection.getresponse()
    try:
        return reply, reply.read()
    finally:
        connection.close()


def command_of(daemon: PrivateDaemon, options: list[str], port: int) -> list[str]:
    """The command of the recipe, for these machines."""
    words = recipe()
    luzia, server = words.index("luzia"), words.index("server")
    names = {key: value for key, value in daemon.env.items() if key.startswith("LUZIA_") or key in ADDED}
    remote = [
        "env",
        *(f"{key}={value}" for key, value in names.items()),
        sys.executable,
        "-c",
        MAIN,
        *words[luzia + 1 :],
    ]
    remote = [word.replace("8765", str(port)) for word in remote]
    own = [word.replace("8765:", f"{OWN}:{port}:", 1).replace("8765", str(port)) for word in words[1:server]]
    own = [
        "-tt" if word == "-t" else word for word in own
    ]  # the test has no terminal, from which ssh would have its own
    return ["ssh", *options, *own, SERVER, shlex.join(remote)]


def test_the_recipe_for_ssh() -> None:
    with private_daemon() as daemon, sshd(daemon.root) as options:
        port = free_port()
        command = command_of(daemon, options, port)
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdin is not None
        late = threading.Timer(DEADLINE_S, process.kill)
        late.start()
        try:
            link = next((line.strip() for line in process.stdout if "#token=" in line), "")
            assert link.startswith(f"http://127.0.0.1:{port}/#token=")
            reply, _ = post(port, "/api/session", {"token": link.partition("=")[2]})
            assert reply.status == 200
            with daemon.connect() as wire:
                job = dispatch(wire, "true")
                ended(wire, job)
            _, body = post(port, "/api/status", {"job": job}, reply.headers["set-cookie"].partition(";")[0])
            assert json.loads(body)["ok"]["job"]["state"] == "completed"
            process.stdin.write("\x03")  # Ctrl-C
            process.stdin.flush()
            process.wait(DEADLINE_S)
            assert not is_open(SERVER, port)
        finally:
            late.cancel()
            process.kill()
            process.communicate()
