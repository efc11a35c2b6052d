"""Boots the units on a real systemd: `make test-systemd`. Needs root, mmdebstrap and systemd-nspawn."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from booted.machine import SUITES, CannotBootError, Machine, check_host
from luzia_packages import deb

BOOTS = (
    ("installation", "service_page", "system_service", "user_service", "before_reboot"),
    ("after_boot", "removal"),
)
"""The checks of each boot: modules of the guest."""
VERSIONS = ("0.0.1", "0.0.2")
"""Of the package that is installed, and of the one to which it is upgraded."""


def main() -> int:
    """Run all boots; the exit status is 1 if a check fails."""
    parser = argparse.ArgumentParser(prog="booted.run", description="Test the units on a real systemd.")
    parser.add_argument(
        "--python",
        choices=list(SUITES),
        default=next((each for each in SUITES if each == f"3.{sys.version_info[1]}"), "3.11"),
        help="the version of the guest's interpreter, which selects its Debian",
    )
    parser.add_argument("--keep", action="store_true", help="keep the guest's directory")
    options = parser.parse_args()
    started = time.monotonic()
    try:
        check_host()
    except CannotBootError as exc:
        print(f"booted.run: {exc}", file=sys.stderr)
        return 1
    work = Path(tempfile.mkdtemp(prefix="luzia-booted-"))
    try:
        passed = _run(work, options.python)
    finally:
        if options.keep:
            print(f"The guest is in {work}/root.")
        else:
            shutil.rmtree(work)
    print(f"{'passed' if passed else 'FAILED'} in {time.monotonic() - started:.0f} s")
    return 0 if passed else 1


def _run(work: Path, python: str) -> bool:
    machine = Machine(work / "root", SUITES[python])
    for package in deb.build_versions(work, python, VERSIONS):
        shutil.copy(package, machine.root / "ci")
    for modules in BOOTS:
        if not machine.boot(*modules):
            machine.print_journal()
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
