"""A network of its own for the server of another host: a namespace, and a pair of interfaces that leads to it."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache

from support import DEADLINE_S

_numbers = itertools.count()


class FarNetwork:
    """A namespace with one interface. address: of the host in it. near: of this machine, as that host sees it."""

    def __init__(self) -> None:
        number, pid = next(_numbers), os.getpid()
        net = f"10.{64 + (pid >> 8) % 64}.{pid % 256}"
        first = number * 4 % 256
        self.address, self.near = f"{net}.{first + 2}", f"{net}.{first + 1}"
        self._name, self._interface = f"lz{pid}-{number}", f"lz{pid}.{number}"

    def create(self) -> None:
        """Make the namespace, and connect it."""
        far = f"{self._interface}f"
        for command in (
            f"ip netns add {self._name}",
            f"ip link add {self._interface} type veth peer name {far} netns {self._name}",
            f"ip address add {self.near}/30 dev {self._interface}",
            f"ip link set {self._interface} up",
            f"ip -n {self._name} address add {self.address}/30 dev {far}",
            f"ip -n {self._name} link set {far} up",
            f"ip -n {self._name} link set lo up",
        ):
            run(command.split())

    def inside(self, command: Sequence[str]) -> list[str]:
        """A command line that runs the command in the namespace."""
        return ["ip", "netns", "exec", self._name, *command]

    def cut(self) -> None:
        """Take the link down: nothing is answered, and nothing is closed."""
        run(["ip", "link", "set", self._interface, "down"])

    def mend(self) -> None:
        run(["ip", "link", "set", self._interface, "up"])

    def delay(self, delay_s: float) -> bool:
        """Delay every packet in each direction; False if this kernel cannot (it lacks sch_netem)."""
        return all(succeeds([*each, "root", "netem", "delay", f"{delay_s * 1000:g}ms"]) for each in self._queues("add"))

    def hasten(self) -> None:
        """Delay nothing any more."""
        for each in self._queues("delete"):
            succeeds([*each, "root"])

    def _queues(self, action: str) -> list[list[str]]:
        """The commands that change the queues of both ends."""
        words = ["tc", "qdisc", action, "dev"]
        return [[*words, self._interface], [*self.inside(words), f"{self._interface}f"]]

    def remove(self) -> None:
        """Remove the namespace, with its interfaces."""
        succeeds(["ip", "netns", "delete", self._name])


@cache
def missing() -> str:
    """Why this process cannot make namespaces; empty if it can."""
    if os.geteuid() != 0:
        return "not root"
    if shutil.which("ip") is None:
        return "ip is not installed: apt install iproute2"
    probe = FarNetwork()
    try:
        probe.create()
    except subprocess.CalledProcessError as exc:
        return str(exc.stderr or exc).strip()
    finally:
        probe.remove()
    return ""


def run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=DEADLINE_S)


def succeeds(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, timeout=DEADLINE_S).returncode == 0
