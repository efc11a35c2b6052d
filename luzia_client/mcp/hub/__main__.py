"""Runs the hub as a program, as a relay starts it."""

from __future__ import annotations

import argparse
import sys

from luzia_client.mcp.hub import program


def main() -> int:
    """Run the hub; returns the exit status."""
    parser = argparse.ArgumentParser(prog="luzia-mcp-hub")
    parser.add_argument("--socket", required=True)
    parser.add_argument("--ready-fd", type=int, required=True)
    parser.add_argument("--on-demand", action="store_true")
    args = parser.parse_args()
    return program.run(args.socket, on_demand=args.on_demand, ready_fd=args.ready_fd)


if __name__ == "__main__":
    sys.exit(main())
