"""Another host for tests: a real sshd for this user, and a luziad that only it leads to.

The machine is the same, so what makes it another one is that the two sides share no directory and no variable. As root,
its sshd is in a network namespace of its own; otherwise it has a port of 127.0.0.1.
"""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

import far_network
from far_network import FarNetwork
from support import DEADLINE_S, MAIN, PrivateDaemon, dispatch, eventually, install_luzia, status

SERVER = "127.0.0.1"
SSHD = """\
ListenAddress {server}:{port}
HostKey {root}/host
AuthorizedKeysFile {root}/user.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 100
SetEnv {variables}
"""
CLIENT = """\
Host {name}-slow
  HostName 127.0.0.1
  Port {slow}
Host {name}-*
  HostName {server}
  User {user}
  IdentityFile {root}/user
  IdentitiesOnly yes
  GlobalKnownHostsFile none
  UserKnownHostsFile {root}/known
  StrictHostKeyChecking yes
Host {name}-one
  Port {port}
Host {name}-absent
  Port {absent}
"""
NAME = "big"
FAR = "far"
"""The first part of the names by which ssh knows the host."""


class FarHost:
    """A host that is by the name of `big`, if not another one, which ssh reaches as `far-one`.

    here: the daemon of this side, which need not run. there: that of the other one. root: the files of sshd.
    network: that of sshd; None for this machine's. address: of sshd. ssh_options: of every ssh of this side.
    """

    def __init__(
        self,
        here: PrivateDaemon,
        there: PrivateDaemon,
        root: Path,
        network: FarNetwork | None,
        name: str = NAME,
        far: str = FAR,
        ssh_options: Sequence[str] = (),
    ) -> None:
        self.here = here
        self.ssh_options = ssh_options
        self.there = there
        self.root = root
        self.network = network
        self.name, self.far = name, far
        self.address = SERVER if network is None else network.address
        self.port, self.absent, self.slow_port = free_port(), free_port(), free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._files: dict[Path, bytes] = {}

    def prepare(self, beside: FarHost | None) -> None:
        """Make the keys, and both sides' configuration. beside: another host, with the same side here."""
        for name in ("host", "user"):
            make_key(self.root / name)
        self.trust(self.root / "host.pub")
        if beside is None:
            self._prepare_here()
        self.there.env.pop("LUZIA_NO_AUTOSTART", None)  # a command there starts the daemon, as for any user
        names = {"server": self.address, "port": self.port, "slow": self.slow_port, "absent": self.absent}
        with ((beside or self).root / "config").open("a") as config:
            config.write(CLIENT.format(name=self.far, user=getpass.getuser(), root=self.root, **names))
        self.configure_server(install_luzia(self.there.root / "bin"))
        self.add(self.name, f"{self.far}-one")
        files = [self.root / name for name in ("user", "user.pub", "known", "sshd_config")]
        files += [self.here.config_file, self.there.config_file, self.there.root / "bin" / "luzia"]
        self._files = {file: file.read_bytes() for file in files}

    def restore(self) -> None:
        """Undo what a test has done to the host, apart from its jobs, so that another test can use it."""
        self.mend()
        self.end_links()
        for file, content in self._files.items():
            with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700), "wb") as opened:
                opened.write(content)
        if self.process is None or self.process.poll() is not None:
            self.start()
        if self.there.process is None or self.there.process.poll() is not None:
            self.there.start()

    def _prepare_here(self) -> None:
        programs = self.here.root / "bin"
        programs.mkdir()
        ssh, first = (
            shutil.which("ssh"),
            " ".join(self.ssh_options),
        )  # of an option that is given twice, the first counts
        (programs / "ssh").write_text(f'#!/bin/sh\nexec {ssh} -F {self.root}/config {first} "$@"\n')
        (programs / "ssh").chmod(0o755)
        self.here.env["PATH"] = f"{programs}:{self.here.env['PATH']}"
        for name in ("DISPLAY", "SSH_AUTH_SOCK", "SSH_ASKPASS", "LUZIA_NO_AUTOSTART"):
            self.here.env.pop(name, None)

    def configure_server(self, programs: Path) -> None:
        """Write the configuration of sshd. programs: where its users find luzia."""
        variables = {name: value for name, value in self.there.env.items() if name.startswith("LUZIA_")}
        variables |= {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(self.there.root), "LUZIA_FAR": "1"}
        text = " ".join(f"{name}={value}" for name, value in variables.items())
        (self.root / "sshd_config").write_text(
            SSHD.format(server=self.address, port=self.port, root=self.root, variables=text)
        )

    def trust(self, key: Path) -> None:
        """Let a host key be the one that is known for the host."""
        kind, code, *_ = key.read_text().split()
        ports = (self.port, self.absent)
        known = "".join(f"[{self.address}]:{port} {kind} {code}\n" for port in ports)
        (self.root / "known").write_text(f"{known}[{SERVER}]:{self.slow_port} {kind} {code}\n")

    def start(self) -> None:
        """Start sshd, and wait until it listens."""
        program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program is not None
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # compiled into sshd; its unit creates it
        command = [program, "-D", "-e", "-f", str(self.root / "sshd_config")]
        if self.network is not None:
            command = self.network.inside(command)
        with open(self.root / "sshd.log", "ab") as log:
            self.process = process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log)
        eventually(lambda: process.poll() is not None or is_open(self.address, self.port), "sshd")
        assert process.poll() is None, (self.root / "sshd.log").read_text()

    def sessions(self) -> list[int]:
        """The processes of sshd that serve connections."""
        assert self.process is not None
        parents = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                name, _, rest = stat.read_text().partition(")")
                if name.endswith("(sshd"):
                    parents[int(stat.parent.name)] = int(rest.split()[1])
        found = [self.process.pid]
        for parent in found:
            found += [pid for pid, of in parents.items() if of == parent]
        return found[1:]

    def cut(self) -> None:
        """Let the network swallow everything: nothing is answered and nothing is closed."""
        if self.network is not None:
            self.network.cut()
        else:
            self._signal(signal.SIGSTOP)

    def mend(self) -> None:
        if self.network is not None:
            self.network.mend()
        self._signal(signal.SIGCONT)

    @contextmanager
    def slow(self, delay_s: float) -> Iterator[str]:
        """A destination that takes `delay_s` in each direction: by netem, or a program where the kernel lacks that."""
        if self.network is not None and self.network.delay(delay_s):
            try:
                yield f"{self.far}-one"
            finally:
                self.network.hasten()
            return
        way = SlowWay(self.slow_port, (self.address, self.port), delay_s)
        try:
            yield f"{self.far}-slow"
        finally:
            way.close()

    def drop(self) -> None:
        """Close all connections, as a reboot of the host does."""
        self._signal(signal.SIGKILL)
        eventually(lambda: not self.sessions(), "the end of the sessions")

    def _signal(self, number: int) -> None:
        for pid in self.sessions():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop(self) -> None:
        """End sshd with its connections."""
        if self.process is not None and self.process.poll() is None:
            self.drop()
            self.process.terminate()
            self.process.wait(DEADLINE_S)

    def masters(self) -> list[int]:
        """The processes of ssh that serve links of this side."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (process / "cmdline").read_bytes()
                if os.fsencode(f"{self.here.root}/run/hosts/") in words and (process / "comm").read_text() == "ssh\n":
                    found.append(int(process.name))
        return found

    def here_connections(self) -> list[str]:
        """The connections of clients to the socket of the link."""
        path = str(self.here.root / "run" / "hosts" / f"{NAME}.sock")
        lines = Path("/proc/net/unix").read_text(errors="replace").splitlines()  # others use other bytes
        return [line for line in lines if line.endswith(path) and line.split()[5] == "03"]

    def end_links(self) -> None:
        for pid in self.masters():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        eventually(lambda: not self.masters(), "the end of the links")

    def add(self, name: str, destination: str) -> None:
        """Configure one more host."""
        with self.here.config_file.open("a") as config:
            config.write(f'[hosts.{name}]\ndestination = "{destination}"\n')

    def job_there(self, command: str) -> str:
        """Have its daemon accept a shell command, on that side; returns the id of the job."""
        with self.there.connect() as wire:
            return dispatch(wire, command)

    def job_here(self, command: str) -> str:
        """Have the daemon of this side accept a shell command; returns the id of the job."""
        with self.here.connect() as wire:
            return dispatch(wire, command)

    def state_there(self, job: str) -> str:
        """The state of a job of its daemon."""
        with self.there.connect() as wire:
            return str(status(wire, job)["state"])

    def luzia(self, *words: str, **options: object) -> subprocess.CompletedProcess[str]:
        """Run `luzia --host big …` on this side."""
        return self.here.run("--host", NAME, *words, **options)

    def ok(self, *words: str) -> str:
        """What the command prints on stdout; it must succeed."""
        done = self.luzia(*words)
        assert done.returncode == 0, (done.stdout, done.stderr)
        return done.stdout

    def impatient(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `luzia --host big …` so that it waits only some seconds for a link that says nothing."""
        program = f"from luzia_client.hosts import link; link.GREETING_TIMEOUT_S = 3.0; {MAIN}"
        command = [sys.executable, "-c", program, "--host", NAME, *words]
        return subprocess.run(command, env=self.here.env, capture_output=True, text=True, timeout=DEADLINE_S)

    @contextmanager
    def silent_port(self) -> Iterator[None]:
        """Let `far-slow` accept connections and say nothing."""
        with socket.create_server((SERVER, self.slow_port)):
            yield

    @contextmanager
    def start_command(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        with self.here.start_command("--host", NAME, *words) as process:
            yield process


class SlowWay:
    """A way to a port that takes `delay_s` in each direction, with the order of all bytes kept."""

    def __init__(self, port: int, target: tuple[str, int], delay_s: float) -> None:
        self._target = target
        self._delay_s = delay_s
        self._listening = socket.create_server((SERVER, port))
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(self._target)
                self._open += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                time.sleep(self._delay_s)  # the distance
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._listening.close()
        for each in self._open:
            each.close()


def make_key(path: Path) -> None:
    """Make a pair of keys."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
    subprocess.run(command, check=True, timeout=DEADLINE_S)


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server((SERVER, 0)) as found:
        return int(found.getsockname()[1])


def is_open(address: str, port: int) -> bool:
    """Whether something listens there."""
    try:
        socket.create_connection((address, port), DEADLINE_S).close()
    except OSError:
        return False
    return True


@contextmanager
def far_host(
    config: str = "",
    program: Sequence[str] = ("-m", "luziad"),
    *,
    beside: FarHost | None = None,
    name: str = NAME,
    far: str = FAR,
    ssh_options: Sequence[str] = (),
) -> Iterator[FarHost]:
    """A host with a running daemon; nothing of it is left afterwards.

    config: of its luziad. beside: another host, with the same side here; this one then has another `name` and `far`.
    ssh_options: of every ssh of this side.
    """
    if shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin") is None or shutil.which("ssh") is None:
        pytest.skip("sshd and ssh are not installed: apt install openssh-server openssh-client")
    with tempfile.TemporaryDirectory(prefix="lz-", ignore_cleanup_errors=True) as directory:
        roots = [Path(directory) / name for name in ("here", "there", "ssh")]
        for root in roots:
            root.mkdir()
        network = None if far_network.missing() else FarNetwork()
        here = PrivateDaemon(roots[0]) if beside is None else beside.here
        host = FarHost(here, PrivateDaemon(roots[1], config), roots[2], network, name, far, ssh_options)
        try:
            if network is not None:
                network.create()
            host.prepare(beside)
            host.there.start(program)
            host.start()
            yield host
        finally:
            host.mend() if host.process is not None else None
            if beside is None:
                host.end_links()
            host.stop()
            host.there.end_everything()
            if beside is None:
                host.here.end_everything()
            if network is not None:
                network.remove()
