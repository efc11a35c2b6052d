"""Show, change or check the configuration file.

A changed file is checked as the daemon checks it, and a file with errors is never saved. When the file has
been saved, a running daemon reloads it. Comments and the order of the lines are preserved.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from typing import Any

from luzia_protocol import environment

from luzia_client.api.client import Client
from luzia_client.cli import exit_codes
from luzia_client.cli.args import user_aliases
from luzia_client.cli.args.editor import editor_command, has_terminal
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.args.parser import add_inner_json, add_json
from luzia_client.cli.args.prompts import ask
from luzia_client.cli.configuration import file, schema, template, values
from luzia_client.cli.show.output import print_json
from luzia_client.cli.show.text import harmless
from luzia_client.transport.endpoint import DaemonUnreachableError

EXAMPLES = (
    ("luzia config get daemon.max_running", "print a value, or its default"),
    ("luzia config set daemon.max_running 4", "change a value"),
    ("luzia config edit", "edit the file, and save it only if it is valid"),
)

ACTIONS = {
    "get": "print a value or its default; without SETTING, all values that are set (the default action)",
    "set": "change a value",
    "edit": "edit the file in $VISUAL or $EDITOR; a file with errors is not saved",
    "check": "check the file as the daemon does",
    "schema": "print the JSON Schema of the file, for editors",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.usage = "luzia config [options] [get [SETTING] | set SETTING VALUE | ACTION …]"
    add_json(parser)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", prog="luzia config")
    added = {}
    for name, text in ACTIONS.items():
        added[name] = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        add_inner_json(added[name])
    key_help = 'a dotted key: daemon.max_running, projects."my.site".agent'
    added["get"].add_argument("key", nargs="?", metavar="SETTING", help=key_help)
    added["set"].add_argument("key", metavar="SETTING", help=key_help)
    added["set"].add_argument("value", metavar="VALUE", help="the value in TOML; a string needs no quotes")
    added["check"].add_argument("file", nargs="?", metavar="FILE", help="check FILE instead of the configuration file")


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    if args.action is None:
        args.key = None
    actions = {None: _get, "get": _get, "set": _set, "edit": _edit, "check": _check, "schema": _schema}
    return actions[args.action](args)


def _get(args: argparse.Namespace) -> int:
    found: Any = file.read_tables(environment.config_file())
    if args.key is None:
        print_json(found) if args.json else _print(values.format_value(found) or "Nothing is set.")
        return exit_codes.OK
    path = schema.parse_key(args.key)
    node = schema.find_key(path, args.key)
    for part in path:
        found = found.get(part, schema.NO_DEFAULT) if isinstance(found, dict) else schema.NO_DEFAULT
    if found is schema.NO_DEFAULT:
        found = schema.default_of(node)
    if found is schema.NO_DEFAULT:
        raise UsageError(
            f"{args.key} is not set", node.get("description", "`luzia config schema` describes all settings.")
        )
    if args.json:
        print_json(found)
    else:
        _print(values.format_value(found))
    return exit_codes.OK


def _print(text: str) -> None:
    print("\n".join(map(harmless, text.split("\n"))))


def _set(args: argparse.Namespace) -> int:
    path = schema.parse_key(args.key)
    node = schema.find_key(path, args.key)
    config_file = environment.config_file()
    file.change(config_file, path, values.parse_value(args.value, node))
    return _report(args, config_file, f"Set {args.key} in {config_file}")


def _edit(args: argparse.Namespace) -> int:
    command = editor_command()
    if not has_terminal():
        raise UsageError("an editor needs a terminal", "Use `luzia config set KEY VALUE`.")
    config_file = environment.config_file()
    before = file.read_text(config_file) or template.commented()
    descriptor, path = tempfile.mkstemp(prefix="luzia-config-", suffix=".toml")
    with open(descriptor, "w", encoding="utf-8", newline="") as copy:
        copy.write(before)
    while True:
        status = subprocess.run([*command, path], check=False).returncode
        text = file.read_text(path)
        if status != 0:
            raise UsageError(f"the editor failed with status {status}", f"The text is kept in {path}.")
        mistakes = file.find_mistakes(config_file, text)
        if not mistakes:
            break
        for mistake in mistakes:
            print(harmless(mistake), file=sys.stderr)
        answer = ask("The file has mistakes and cannot be saved. Edit it again? [Y/n] ")
        if answer is None or answer.lower() not in ("", "y", "yes"):
            raise file.invalid([f"{config_file} is unchanged"], f"The text is kept in {path}.")
    os.unlink(path)
    if text == before and os.path.exists(config_file):
        print("Nothing has changed.")
        return exit_codes.OK
    file.replace(config_file, text)
    return _report(args, config_file, f"Saved {config_file}")


def _report(args: argparse.Namespace, config_file: str, words: str) -> int:
    """Say what was done, and let a daemon that runs with this file reload it."""
    restart: list[str] = []
    reloaded = False
    with Client(autostart=False) as client:
        try:
            if os.path.realpath(client.get_info().config_file) == os.path.realpath(config_file):
                restart, reloaded = client.reload_config().restart_needed, True
        except DaemonUnreachableError:
            pass  # it reads the file when it starts
    if args.json:
        print_json({"config_file": config_file, "reloaded": reloaded, "restart_needed": restart})
        return exit_codes.OK
    print(f"{words}{'; the daemon has reloaded it' if reloaded else ''}")
    if restart:
        print(f"Restart needed (`luzia daemon restart`) for: {', '.join(restart)}")
    return exit_codes.OK


def _check(args: argparse.Namespace) -> int:
    path = args.file or environment.config_file()
    if args.file and not os.path.exists(path):
        raise UsageError(f"{path}: no such file")
    mistakes = file.find_mistakes(path, file.read_text(path))
    if not args.file:
        mistakes += [f"{path}: aliases.{name}: {mistake}." for name, mistake in user_aliases.find_mistakes()]
    if args.json:
        print_json({"file": path, "mistakes": mistakes})
    elif mistakes:
        print("\n".join(map(harmless, mistakes)))
    else:
        print(f"{path} is valid" if os.path.exists(path) else f"{path} does not exist; the defaults apply")
    return exit_codes.JOB_FAILED if mistakes else exit_codes.OK


def _schema(args: argparse.Namespace) -> int:
    del args  # it is JSON in any case
    print(schema.schema_text(), end="")
    return exit_codes.OK
