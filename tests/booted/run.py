"""Boots the units on a real systemd: `make test-systemd` and `make test-systemd-vm`.

Both need root and mmdebstrap, the first systemd-nspawn, the second qemu.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from booted import container, packages, vm
from booted.debian import SUITES, CannotBootError
from luzia_packages import tree

BOOTS = (
    ("installation", "service_page", "system_service", "user_service", "logins", "before_reboot"),
    ("after_boot", "removal", "pip_service"),
)
"""The checks of each boot of a container: modules of the guest."""
VM_BOOTS = (
    ("installation", "user_service", "logins", "limits", "before_reboot"),
    ("after_boot", "clock"),
)
"""The same for a virtual machine, which has the controllers of cgroups."""
OOMD = {"3.11": (), "3.13": ("oomd",)}
"""By the interpreter's version: before systemd 254, the cgroups of jobs have no memory for systemd-oomd to look at."""
RPM_PYTHON, RPM_MODULES = "3.13", ("rpm_package",)
"""Of the Debian on which the RPM is tried as well, and what the last boot checks there in addition."""


def main() -> int:
    """Run all boots; the exit status is 1 if a check fails."""
    parser = argparse.ArgumentParser(prog="booted.run", description="Test the units on a real systemd.")
    parser.add_argument(
        "--python",
        choices=list(SUITES),
        action="append",
        help="the version of the guest's interpreter, which selects its Debian (all by default)",
    )
    parser.add_argument(
        "--vm", action="store_true", help="boot a virtual machine, with the checks that need its kernel"
    )
    parser.add_argument("--keep", action="store_true", help="keep the guest's directory")
    options = parser.parse_args()
    try:
        (vm if options.vm else container).check_host()
    except CannotBootError as exc:
        print(f"booted.run: {exc}", file=sys.stderr)
        return 1
    for python in options.python or SUITES:
        started = time.monotonic()
        print(f"Debian {SUITES[python]}", flush=True)
        work = Path(tempfile.mkdtemp(prefix="luzia-booted-"))
        try:
            passed = _boot(work, python, is_vm=options.vm)
        finally:
            if options.keep:
                print(f"The guest is in {work}/root.")
            else:
                shutil.rmtree(work)
        print(f"{'passed' if passed else 'FAILED'} in {time.monotonic() - started:.0f} s", flush=True)
        if not passed:
            return 1
    return 0


def _boot(work: Path, python: str, *, is_vm: bool) -> bool:
    guest = (vm.VirtualMachine if is_vm else container.Container)(work / "root", SUITES[python])
    boots = (*VM_BOOTS[:-1], (*VM_BOOTS[-1], *OOMD[python])) if is_vm else BOOTS
    built = packages.build_debs(work, python)
    if not is_vm:
        packages.copy_sources(guest.root / "ci/sources")
        tree.download_wheels(guest.root / "ci/wheels", python)
        if python == RPM_PYTHON:
            built += packages.build_rpms(work, python)
            boots = (*boots[:-1], (*boots[-1], *RPM_MODULES))
    for package in built:
        shutil.copy(package, guest.root / "ci")
    return all(guest.boot(*modules) for modules in boots)


if __name__ == "__main__":
    sys.exit(main())
