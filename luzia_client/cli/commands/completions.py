"""Print the shell script that completes commands, options, projects, agents and jobs.

An installation includes the scripts, in `share` beside its `bin`. Otherwise put them here:

  bash   ~/.local/share/bash-completion/completions/luzia
  zsh    a file _luzia in a directory of $fpath
  fish   ~/.config/fish/completions/luzia.fish
"""

from __future__ import annotations

import argparse
import os

from luzia_client.cli import completion, exit_codes

EXAMPLES = (
    ("luzia completions bash", "print the script for bash"),
    ("luzia completions fish", "print the script for fish"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("shell", choices=["bash", "zsh", "fish"], metavar="SHELL", help="bash, zsh or fish")


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    path = os.path.join(os.path.dirname(completion.__file__), "data", f"luzia.{args.shell}")
    with open(path, encoding="utf-8") as script:
        print(script.read(), end="")
    return exit_codes.OK
