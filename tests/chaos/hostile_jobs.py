"""Attacks by jobs: on the files of their attempt, on their shim and the fork server, on the reply pipe, and in numbers.

Each attack is a script that the job runs in its attempt's directory. Who does not end by itself is cancelled.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chaos.hostile import Run

PRELUDE = """
import json, os, signal, stat, sys, time
own = os.environ["LUZIA_ATTEMPT_DIR"]
os.chdir(own)
shim = os.getppid()
forks = int(open(f"/proc/{shim}/stat").read().rpartition(")")[2].split()[1])

def put(name, kind):
    try:
        os.unlink(name)
    except IsADirectoryError:
        os.rename(name, name + ".old")
    except FileNotFoundError:
        pass
    if kind == "fifo":
        os.mkfifo(name)
    elif kind == "directory":
        os.mkdir(name)
    elif kind == "loop":
        os.symlink(name, name)
    elif kind == "endless":
        os.symlink("/dev/zero", name)
    elif kind == "sparse":
        with open(name, "w") as file:
            file.truncate(1 << 40)
    elif kind == "nested":
        with open(name, "w") as file:
            file.write("[" * 50_000)
"""
FILES = ("stdout", "stderr", "lock", "started.json", "exit.json", "exit.json.new", "prompt", "../status.json")
KINDS = ("fifo", "directory", "loop", "endless", "sparse", "nested")
LONG = "time.sleep(600)"

SCRIPTS: dict[str, str] = {
    "deletes its directory": f"import shutil; shutil.rmtree(own); {LONG}",
    "puts a file in place of its directory": f"os.rename(own, own + '.old'); open(own, 'w').close(); {LONG}",
    "puts a link in place of its directory": f"os.rename(own, own + '.old'); os.symlink(own, own); {LONG}",
    "closes its directory": f"os.chmod(own, 0); {LONG}",
    "closes its job's directory": f"os.chmod('..', 0); {LONG}",
    "stops its shim": f"os.kill(shim, signal.SIGSTOP); {LONG}",
    "kills its shim": f"os.kill(shim, signal.SIGKILL); {LONG}",
    "stops the fork server": f"os.kill(forks, signal.SIGSTOP); {LONG}",
    "kills the fork server": f"os.kill(forks, signal.SIGKILL); {LONG}",
    "writes garbage to the daemon": (
        "pipe = os.open(f'/proc/{shim}/fd/1', os.O_WRONLY | os.O_NONBLOCK)\n"
        "try:\n"
        "    for _ in range(50):\n"
        '        os.write(pipe, b\'\\0\' * 4000 + b\'{"job": "x", "attempt": 1e999}\\n{"job": 5}\\n[[[[\\n\')\n'
        "except BlockingIOError:\n"
        "    pass\n"
    ),
    "lies about its end": (
        "record = {'exit_code': 0, 'signal': None, 'error': None, 'stopped': False, 'started_at': 1e300,\n"
        "          'ended_at': 1e300, 'duration_s': -1e300, 'usage': {'max_rss_bytes': 1 << 80}}\n"
        "with open('exit.json', 'w') as file:\n"
        "    file.write(json.dumps(record))\n"
        "os.kill(shim, signal.SIGKILL)\n"
    ),
    "leaves processes in sessions of their own": (
        "for _ in range(50):\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "        signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "        os.fork()\n"
        "        time.sleep(600)\n"
    ),
    "forks without end": (
        "end = time.monotonic() + 1.0\n"
        "while time.monotonic() < end:\n"
        "    if os.fork() == 0:\n"
        "        time.sleep(0.05)\n"
        "        if os.fork():\n"
        "            os._exit(0)\n"
        "        time.sleep(600)\n"
        "    time.sleep(0.01)\n"
    ),
    "prints lines without end": "for _ in range(200):\n    os.write(1, b'x' * 65536)\n",
    "prints what controls terminals": "os.write(1, bytes(range(256)) * 100)\n",
    "prints combining characters without end": "os.write(1, b'a' + b'\\xcc\\x81\\xcc\\x96' * 130_000)\n",
    "makes cgroups below its own": (
        "line = next((line for line in open('/proc/self/cgroup') if line.startswith('0::')), '')\n"
        "mount = next((line.split()[1] for line in open('/proc/mounts') if line.split()[2] == 'cgroup2'), '')\n"
        "here = mount + line[3:].strip()\n"
        "try:\n"
        "    for name in ('a', 'b', 'c' * 200):\n"
        "        os.mkdir(here := here + '/' + name)\n"
        "        if os.fork() == 0:\n"
        "            open(here + '/cgroup.procs', 'w').write('0')\n"
        "            time.sleep(600)\n"
        "    open(here + '/cgroup.freeze', 'w').write('1')\n"
        "except OSError:\n"
        "    pass\n"
        f"{LONG}\n"
    ),
    "freezes itself": (
        "line = next((line for line in open('/proc/self/cgroup') if line.startswith('0::')), '')\n"
        "mount = next((line.split()[1] for line in open('/proc/mounts') if line.split()[2] == 'cgroup2'), '')\n"
        "try:\n"
        "    open(mount + line[3:].strip() + '/cgroup.freeze', 'w').write('1')\n"
        "except OSError:\n"
        "    pass\n"
        f"{LONG}\n"
    ),
    "leaves its cgroup": (
        "line = next((line for line in open('/proc/self/cgroup') if line.startswith('0::')), '')\n"
        "mount = next((line.split()[1] for line in open('/proc/mounts') if line.split()[2] == 'cgroup2'), '')\n"
        "try:\n"
        "    open(os.path.dirname(mount + line[3:].strip()) + '/cgroup.procs', 'w').write('0')\n"
        "except OSError:\n"
        "    pass\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        f"{LONG}\n"
    ),
    "has an output of a tebibyte": f"os.truncate('stdout', 1 << 40); {LONG}",
    "truncates its output": "for _ in range(100):\n    os.write(1, b'line\\n')\n    os.truncate('stdout', 0)\n",
    "ignores every signal": (
        "for number in set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}:\n"
        "    signal.signal(number, signal.SIG_IGN)\n"
        f"{LONG}\n"
    ),
    "lets the daemon reload without end": (
        "daemon = int(open(f'/proc/{forks}/stat').read().rpartition(')')[2].split()[1])\n"
        "for _ in range(3000):\n"
        "    os.kill(daemon, signal.SIGHUP)\n"
    ),
    "stops itself": "os.kill(os.getpid(), signal.SIGSTOP)\n",
}


def replaces_files(run: Run) -> None:
    """Something else takes the place of each file, of a kind that is chosen for each."""
    for name in FILES:
        kind = run.chance.choice(KINDS)
        _start(run, f"put({name!r}, {kind!r})\n{run.chance.choice((LONG, 'sys.exit(3)'))}")
    _end(run)


def script(text: str) -> Callable[[Run], None]:
    """The attack of one script."""

    def attack(run: Run) -> None:
        _start(run, text)
        _end(run)

    return attack


def _start(run: Run, text: str) -> None:
    with run.daemon.connect() as wire:
        argv = [sys.executable, "-I", "-S", "-c", PRELUDE + text]
        job = wire.ok(op="dispatch", project="overbits", argv=argv)["job"]
        run.hostile.append(job)


def _end(run: Run) -> None:
    """Let the job do its deed, and cancel it. Whether it ends is checked when the run ends."""
    job = run.hostile[-1]
    with run.daemon.connect() as wire:
        wire.ok(op="wait", jobs=[job], timeout_s=run.chance.uniform(0.5, 1.5))
        wire.ask(op="logs", job=job)
        wire.ask(op="status", job=job)
        wire.ask(op="cancel", job=job)
    time.sleep(0.1)


ATTACKS: dict[str, Callable[[Run], None]] = {
    "replaces its files": replaces_files,
    **{name: script(text) for name, text in SCRIPTS.items()},
}
