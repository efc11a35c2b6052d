"""Builds the Containerfile and runs its image with podman: `make test-container`.

No registry of images is needed: the base is the Debian of the booted tests, and the build installs wheels that were
downloaded before. Where podman cannot run containers, nothing is tested, and the reason is printed.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from booted import debian, page
from luzia_packages import tree

PYTHON = "3.13"
BASE, IMAGE, WITH_AGENT = "localhost/luzia-base", "localhost/luzia", "localhost/luzia-with-agent"
ENGINE = ("--storage-driver=vfs", "--cgroup-manager=cgroupfs")
FLAGS = ("--cgroups=disabled", "--network=host", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024")
ISOLATION = ("--quiet", "--isolation=chroot", "--network=host", "--layers=false")
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
PREPARE = """
if mountpoint --quiet /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi
mount -t tmpfs tmpfs /run
exec "$@"
"""
"""crun refuses to run where both versions of cgroups are mounted, and the page names a directory in /run."""
PREPARED = "--prepared"
PODMAN = """#!/bin/sh
verb=$1
shift
case $verb in
build) exec {engine} build {build} "$@" ;;
run) exec {engine} run {flags} "$@" ;;
*) exec {engine} "$verb" "$@" ;;
esac
"""
"""The podman of these tests, with the options that this machine needs: the page's commands have none of them."""


class Engine:
    """podman with images and containers of its own, in the directory `work`."""

    def __init__(self, work: Path) -> None:
        self._podman = work / "bin/podman"
        self._podman.parent.mkdir()
        engine = shlex.join([str(shutil.which("podman")), *ENGINE, f"--root={work}/images", f"--runroot={work}/run"])
        build = shlex.join([*ISOLATION, *_without_network(work)])
        self._podman.write_text(PODMAN.format(engine=engine, build=build, flags=shlex.join(FLAGS)))
        self._podman.chmod(0o755)
        programs = f"{self._podman.parent}:{Path(sys.executable).parent}"
        self.environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}

    def run(self, *words: str | Path, status: int = 0) -> str:
        """Run a command of podman; returns what it prints. Raises AssertionError when its exit status is another."""
        argv = [self._podman, *words]
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
    if PREPARED not in sys.argv:
        again = [sys.executable, "-m", "booted.image", PREPARED]
        return subprocess.run(["unshare", "--mount", "sh", "-euc", PREPARE, "sh", *again]).returncode
    with tempfile.TemporaryDirectory(prefix="luzia-image-") as directory:
        work = Path(directory)
        engine = Engine(work)
        _import_base(engine, work)
        try:
            engine.run("run", "--rm", BASE, "true")
        except AssertionError as exc:
            print(f"skipped: podman cannot run a container on this machine: {exc}")
            return 0
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
        self._engine, self._work = engine, work
        self._env = {**os.environ, "LUZIA_SOCKET": "/run/luzia/luzia.sock"}
        self._is_running = False

    def start_as_the_page_says(self) -> None:
        """Build the image and start the first container, then run a client."""
        options: dict[str, Any] = {"cwd": debian.ROOT, "env": self._engine.environment, "stdout": subprocess.DEVNULL}
        page.follow("In a container", **options)
        self._is_running = True
        self._wait()
        page.follow("In a container", 2, **options)

    def start_with_agent(self) -> None:
        """Build an image with an agent on top of the one of the page, and start a container of it."""
        context = self._work / "agent"
        context.mkdir()
        (context / "Containerfile").write_text(AGENT)
        (context / "claude").write_text("#!/bin/sh\ncat /usr/local/share/recording\n")
        shutil.copy(RECORDING, context / "recording")
        self._engine.run("build", f"--tag={WITH_AGENT}", context)
        self.start(WITH_AGENT)

    def start(self, image: str = IMAGE) -> None:
        """Start another container, and wait until the daemon answers."""
        volumes = ("--volume=luzia-state:/var/lib/luzia", "--volume=/run/luzia:/run/luzia:U")
        self._engine.run("run", "--detach", "--init", "--name=luzia", *volumes, image)
        self._is_running = True
        self._wait()

    def _wait(self) -> None:
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
    daemon.start_as_the_page_says()
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
    daemon.start_with_agent()
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


def _without_network(work: Path) -> list[str]:
    """Options of `podman build` for the base image that is there, and for wheels that have been downloaded."""
    wheels = work / "wheels"
    tree.download_wheels(wheels, PYTHON)
    pip = work / "pip.conf"
    pip.write_text("[global]\nno-index = true\nfind-links = /wheels\n")
    return [f"--volume={wheels}:/wheels:ro", f"--volume={pip}:/etc/pip.conf:ro", f"--build-arg=BASE={BASE}"]


if __name__ == "__main__":
    sys.exit(main())
