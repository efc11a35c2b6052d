"""Builds a package: `python -m luzia_packages.build deb` or `rpm`. It prints the path of the package."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from luzia_protocol.version import VERSION

from luzia_packages import deb, rpm, tree


def main() -> int:
    """Build the package that the command line asks for."""
    parser = argparse.ArgumentParser(prog="luzia_packages.build", description="Build a package of luzia.")
    parser.add_argument("kind", choices=["deb", "rpm"])
    parser.add_argument(
        "--python",
        default=f"{sys.version_info[0]}.{sys.version_info[1]}",
        metavar="3.N",
        help="the version of the distribution's interpreter",
    )
    parser.add_argument("--version", default=VERSION, help="the version of the package")
    parser.add_argument("--output", type=Path, default=tree.ROOT / "dist", help="the directory of the package")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    builder = {"deb": deb.build, "rpm": rpm.build}[options.kind]
    print(builder(options.output.resolve(), options.python, options.version))
    return 0


if __name__ == "__main__":
    sys.exit(main())
