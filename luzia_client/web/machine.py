"""The machine on which the jobs run: its load, memory and disk, and what `luzia doctor` finds."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys

import msgspec

from luzia_client.web.errors import WebError

DOCTOR_TIMEOUT_S = 120.0
_DOCTOR = "import sys; from luzia_client.cli.main import main; sys.exit(main())"


class Machine(msgspec.Struct, frozen=True):
    """Its state now. load: processes that run or wait for the disk, on average of 1, 5 and 15 minutes.

    memory_available_bytes: what programs can get without swapping, by proc(5). disk: that of the daemon's records.
    """

    host: str
    kernel: str
    cpus: int
    load: tuple[float, float, float]
    memory_bytes: int
    memory_available_bytes: int
    disk_bytes: int
    disk_free_bytes: int


class Finding(msgspec.Struct, frozen=True):
    """A line of `luzia doctor`. mark: ✓ passed, ! warning, ✗ problem. remedy: what to do."""

    mark: str
    text: str
    remedy: str


def read_machine(directory: str) -> Machine:
    """The machine, with the disk of a directory. Raises WebError."""
    try:
        disk = shutil.disk_usage(directory)
        memory = _memory()
    except OSError as exc:
        raise WebError(500, "unreadable", f"cannot read the state of the machine: {exc.strerror}") from exc
    system = os.uname()
    return Machine(
        host=system.nodename,
        kernel=f"{system.sysname} {system.release}",
        cpus=len(os.sched_getaffinity(0)),
        load=os.getloadavg(),
        memory_bytes=memory["MemTotal"],
        memory_available_bytes=memory["MemAvailable"],
        disk_bytes=disk.total,
        disk_free_bytes=disk.free,
    )


def _memory() -> dict[str, int]:
    """Bytes by name, from /proc/meminfo."""
    with open("/proc/meminfo", encoding="ascii") as file:
        pairs = (line.split(":") for line in file)
        return {name: int(value.split()[0]) * 1024 for name, value in pairs}


class Doctor:
    """Runs `luzia doctor`, one at a time: in a process of its own, whose modules the server need not keep."""

    def __init__(self) -> None:
        self._running = asyncio.Lock()

    async def examine(self) -> list[Finding]:
        """Its findings in its order. Raises WebError."""
        async with self._running:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-c",
                _DOCTOR,
                "doctor",
                "--json",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            try:
                lines, errors = await asyncio.wait_for(process.communicate(), DOCTOR_TIMEOUT_S)
            except TimeoutError as exc:
                message = f"luzia doctor has not ended within {DOCTOR_TIMEOUT_S:g} s"
                raise WebError(504, "doctor_failed", message, "Run it in a terminal.") from exc
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        if process.returncode not in (0, 1):  # 1: it has found problems
            said = errors.decode(errors="replace").strip() or f"exit status {process.returncode}"
            raise WebError(500, "doctor_failed", f"luzia doctor: {said}", "Run it in a terminal.")
        return [msgspec.json.decode(line, type=Finding) for line in lines.splitlines()]
