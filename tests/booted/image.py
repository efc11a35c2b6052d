"""Builds the Containerfile and runs its image with podman: `make test-container`.

No registry of images is needed: the base is the Debian of the booted tests, and the build installs wheels that were
downloaded before. Where podman cannot run containers, nothing is tested, and the reason is printed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from booted import debian
from luzia_packages import tree

PYTHON = "3.13"
BASE, IMAGE, WITH_AGENT = "localhost/luzia-base", "localhost/luzia", "localhost/luzia-with-agent"
ENGINE = ("podman", "--storage-driver=vfs", "--cgroup-manager=cgroupfs")
FLAGS = ("--cgroups=disabled", "--network=host", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024")
"""What a container of a host without cgroups for containers and without their network can have."""
START_TIMEOUT_S = 60
RECORDING = debian.ROOT / "tests/data/recordings/claude/session-1.stdout"
AGENT = f"""\
FROM {IMAGE}
USER root
COPY --chmod=755 claude /usr/local/bin/
COPY recording /usr/local/share/
USER luzia
"""
"""The example at the end of the Containerfile, with an agent that replays a recording."""
LEGACY = 'if mountpoint --quiet /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi; exec "$@"'
"""crun refuses to run where both versions of cgroups are mounted."""


class Engine:
    """podman with images and containers of its own, in the directory `work`."""

    def __init__(self, work: Path) -> None:
        self._options = [f"--root={work}/images", f"--runroot={work}/run"]

    def run(self, *words: str | Path, status: int = 0) -> str:
        """Run a command of podman; returns what it prints. Raises AssertionError when its exit status is another."""
        argv = ["unshare", "--mount", "sh", "-euc", LEGACY, "sh", *ENGINE, *self._options, *words]
        result = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=500)
        assert result.returncode == status, f"{words} ended with {result.returncode}: {result.stderr}"
        return result.stdout


def main() -> int:
    """Run all checks; the exit status is 1 if one fails."""
    try:
        debian.check_programs({"podman": "podman", "mmdebstrap": "mmdebstrap", "catatonit": "catatonit"})
    except debian.CannotBootError as exc:
        print(f"skipped: {exc}")
        return 0
    with tempfile.TemporaryDirectory(prefix="luzia-image-") as directory:
        work = Path(directory)
        engine = Engine(work)
        _import_base(engine, work)
        try:
            engine.run("run", "--rm", *FLAGS, BASE, "true")
        except AssertionError as exc:
            print(f"skipped: podman cannot run a container on this machine: {exc}")
            return 0
        _build(engine, work)
        daemon = Daemon(engine, work)
        for check in CHECKS:
            try:
                check(daemon)
            except Exception:
                print(f"FAILED {check.__name__}\n{daemon.log()}", flush=True)
                raise
            finally:
                daemon.stop()
            print(f"ok {check.__name__.replace('_', ' ')}", flush=True)
    return 0


class Daemon:
    """A container of the image, with its volumes, and clients outside of it."""

    def __init__(self, engine: Engine, work: Path) -> None:
        self._engine = engine
        self._sockets = work / "sockets"
        self._sockets.mkdir()
        self._env = {**os.environ, "LUZIA_SOCKET": str(self._sockets / "luzia.sock")}
        self._is_running = False

    def start(self, image: str = IMAGE) -> None:
        """Start the container, and wait until the daemon answers."""
        volumes = ("--volume=luzia-state:/var/lib/luzia", f"--volume={self._sockets}:/run/luzia:U")
        self._engine.run("run", "--detach", "--init", "--name=luzia", *FLAGS, *volumes, image)
        self._is_running = True
        deadline = time.monotonic() + START_TIMEOUT_S
        while self._client("daemon", "status").returncode:
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop the container and delete it; its volumes remain."""
        if self._is_running:
            self._engine.run("rm", "--force", "--time=10", "luzia")
            self._is_running = False

    def luzia(self, *words: str) -> str:
        """Run a client outside of the container."""
        result = self._client(*words)
        assert result.returncode == 0, f"{words} ended with {result.returncode}: {result.stderr}"
        return result.stdout

    def dispatch(self, agent: str, task: str) -> str:
        """Dispatch a task in the container's home directory; returns the job's id."""
        output = self.luzia("dispatch", "--json", "--agent", agent, "/var/lib/luzia", task)
        return str(json.loads(output)["job"])

    def job(self, name: str) -> dict[str, Any]:
        """What `luzia jobs` says of a job."""
        return dict(json.loads(self.luzia("jobs", name, "--json")))

    def _client(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv = [str(Path(sys.executable).parent / "luzia"), *words]
        return subprocess.run(argv, env=self._env, cwd="/", capture_output=True, text=True, timeout=120)

    def log(self) -> str:
        """What the daemon has logged."""
        return self._engine.run("logs", "luzia") if self._is_running else ""


def a_client_outside_dispatches_through_the_volume_of_the_socket(daemon: Daemon) -> None:
    daemon.start()
    name = daemon.dispatch("shell", "id --user --name")
    daemon.luzia("wait", name)
    assert daemon.luzia("logs", name) == "luzia\n"


def another_container_continues_with_the_volume_of_the_state(daemon: Daemon) -> None:
    daemon.start()
    ended, running = daemon.dispatch("shell", "echo done"), daemon.dispatch("shell", "sleep 300")
    daemon.luzia("wait", ended)
    queued = daemon.dispatch("shell", "echo later")
    daemon.stop()
    daemon.start()
    daemon.luzia("wait", queued)
    assert daemon.luzia("logs", ended) == "done\n"
    assert daemon.job(running)["state"] == "lost"


def an_image_with_an_agent_runs_it(daemon: Daemon) -> None:
    daemon.start(WITH_AGENT)
    name = daemon.dispatch("claude", "say hello")
    daemon.luzia("wait", name)
    assert daemon.job(name)["agent"] == "claude"


CHECKS: tuple[Callable[[Daemon], None], ...] = (
    a_client_outside_dispatches_through_the_volume_of_the_socket,
    another_container_continues_with_the_volume_of_the_state,
    an_image_with_an_agent_runs_it,
)


def _import_base(engine: Engine, work: Path) -> None:
    base = debian.find_base(debian.SUITES[PYTHON])
    archive = work / "base.tar"
    subprocess.run(["tar", "-C", base, "-cf", archive, "."], check=True)
    engine.run("import", "--quiet", archive, BASE)
    archive.unlink()


def _build(engine: Engine, work: Path) -> None:
    """Build the image without a network, and one with an agent on top of it."""
    wheels = work / "wheels"
    tree.download_wheels(wheels, PYTHON)
    pip = work / "pip.conf"
    pip.write_text("[global]\nno-index = true\nfind-links = /wheels\n")
    volumes = (f"--volume={wheels}:/wheels:ro", f"--volume={pip}:/etc/pip.conf:ro")
    isolation = ("build", "--quiet", "--isolation=chroot", "--network=host", "--layers=false")
    file = debian.ROOT / ".ci/Containerfile"
    engine.run(*isolation, *volumes, f"--build-arg=BASE={BASE}", f"--file={file}", f"--tag={IMAGE}", debian.ROOT)
    context = work / "agent"
    context.mkdir()
    (context / "Containerfile").write_text(AGENT)
    (context / "claude").write_text("#!/bin/sh\ncat /usr/local/share/recording\n")
    shutil.copy(RECORDING, context / "recording")
    engine.run(*isolation, f"--tag={WITH_AGENT}", context)


if __name__ == "__main__":
    sys.exit(main())
