"""Boots the units on a real systemd: `make test-systemd`. Needs root, mmdebstrap and systemd-nspawn."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from booted import container
from booted.debian import SUITES, CannotBootError
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
        action="append",
        help="the version of the guest's interpreter, which selects its Debian (all by default)",
    )
    parser.add_argument("--keep", action="store_true", help="keep the guest's directory")
    options = parser.parse_args()
    try:
        container.check_host()
    except CannotBootError as exc:
        print(f"booted.run: {exc}", file=sys.stderr)
        return 1
    for python in options.python or SUITES:
        started = time.monotonic()
        print(f"Debian {SUITES[python]}", flush=True)
        work = Path(tempfile.mkdtemp(prefix="luzia-booted-"))
        try:
            passed = _boot(work, python)
        finally:
            if options.keep:
                print(f"The guest is in {work}/root.")
            else:
                shutil.rmtree(work)
        print(f"{'passed' if passed else 'FAILED'} in {time.monotonic() - started:.0f} s", flush=True)
        if not passed:
            return 1
    return 0


def _boot(work: Path, python: str) -> bool:
    guest = container.Container(work / "root", SUITES[python])
    for package in deb.build_versions(work, python, VERSIONS):
        shutil.copy(package, guest.root / "ci")
    return all(guest.boot(*modules) for modules in BOOTS)


if __name__ == "__main__":
    sys.exit(main())
