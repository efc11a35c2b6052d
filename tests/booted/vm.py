"""A guest that qemu boots: a virtual machine with Debian's cloud kernel, and all controllers of cgroups."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from booted import debian

PACKAGES = (*debian.PACKAGES, "linux-image-cloud-amd64", "systemd-oomd")
QEMU = "qemu-system-x86_64"
CPU = "max,-la57"
"""Without five levels of page tables: a kernel that used them, emulated, has panicked while it started."""
MEMORY_MIB = 1024
DISK = "3G"
BOOT_TIMEOUT_S = 1200
DEADLINE_S = 300
"""Of each wait in the guest; an emulated processor is many times slower."""
PROBE_S = 15
CONSOLE_CHARACTERS = 6000
"""Of the console that are shown when a boot fails: a panic has about 3000."""
PANIC = "Kernel panic"
_TIMEOUT = f"[Service]\nTimeoutStartSec={BOOT_TIMEOUT_S}\n"


class VirtualMachine:
    """A guest whose disk is created from the directory `root` at the first boot."""

    def __init__(self, root: Path, suite: str) -> None:
        debian.create(root, suite, PACKAGES)
        drop_in = root / "etc/systemd/system/ci.service.d/timeout.conf"
        drop_in.parent.mkdir()
        drop_in.write_text(_TIMEOUT)
        # The second serial port: what is written to it is at once in a file of the host.
        (root / "ci/report").symlink_to("/dev/ttyS1")
        self.root = root
        self._disk = root.parent / "disk"
        self._report = root.parent / "report"
        self._kernel, self._initrd = (root / "vmlinuz").resolve(), (root / "initrd.img").resolve()
        self._accelerator = _accelerator(self._kernel)

    def boot(self, *modules: str) -> bool:
        """Boot, run the checks of these modules of the guest, power off, and return whether all have passed."""
        if not self._disk.exists():
            subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", self.root, self._disk, DISK], check=True)
        settings = f'systemd.setenv="CHECKS={" ".join(modules)}" systemd.setenv=DEADLINE_S={DEADLINE_S}'
        console = self.root.parent / "console"
        machine: list[str | Path] = [
            *(QEMU, "-accel", self._accelerator, "-cpu", CPU, "-smp", "2", "-m", str(MEMORY_MIB)),
            *("-nodefaults", "-display", "none", "-no-reboot", "-kernel", self._kernel, "-initrd", self._initrd),
            *("-append", f"root=/dev/vda rw console=ttyS0 quiet panic=-1 {settings}"),
            *("-serial", f"file:{console}", "-serial", f"file:{self._report}"),
            *("-drive", f"file={self._disk},format=raw,if=virtio,cache=unsafe"),
        ]
        report = self._run(machine)
        if not report and PANIC in console.read_text(errors="replace"):
            print(f"The emulated kernel did not come up; another try. It said:\n{_end_of(console)}", flush=True)
            report = self._run(machine)
        print(report.removesuffix(debian.PASSED), end="", flush=True)
        if not report.endswith(debian.PASSED):
            print(_end_of(console), file=sys.stderr)
            return False
        return True

    def _run(self, machine: list[str | Path]) -> str:
        """Run the machine until it powers off; returns the report of its checks."""
        self._report.write_text("")
        try:
            subprocess.run(machine, stdin=subprocess.DEVNULL, check=True, timeout=BOOT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            print(f"The machine did not power off within {BOOT_TIMEOUT_S} s.", file=sys.stderr)
        return self._report.read_text(errors="replace")


def check_host() -> None:
    """Raise CannotBootError unless this machine can boot such a guest."""
    debian.check_programs({"mmdebstrap": "mmdebstrap", QEMU: "qemu-system-x86", "mke2fs": "e2fsprogs"})
    if os.uname().machine != "x86_64":
        raise debian.CannotBootError(f"the virtual machine is one for x86_64; this machine is {os.uname().machine}")


def _end_of(console: Path) -> str:
    """The end of what the kernel has said."""
    return console.read_text(errors="replace")[-CONSOLE_CHARACTERS:]


def _accelerator(kernel: Path) -> str:
    """KVM if this kernel starts with it, else emulation: a nested KVM may start a machine that stops at once."""
    if os.access("/dev/kvm", os.R_OK | os.W_OK):
        words = [QEMU, "-accel", "kvm", "-cpu", "max", "-m", "512", "-nodefaults", "-display", "none", "-no-reboot"]
        words += ["-serial", "stdio", "-kernel", str(kernel), "-append", "console=ttyS0 panic=-1"]
        try:
            probe = subprocess.run(
                words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=PROBE_S
            )
            said = probe.stdout
        except subprocess.TimeoutExpired as exc:
            said = exc.stdout or b""
        if b"Linux version" in said:
            return "kvm"
    print("KVM does not work here: the machine is emulated, which is slow.", flush=True)
    return "tcg,thread=multi"
