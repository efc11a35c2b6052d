"""Let coding agents dispatch jobs and get their results, through the Model Context Protocol.

Without an action, `luzia mcp` is the MCP server that an agent starts: it speaks the Model Context Protocol on stdin
and stdout. It requires luzia[mcp].
"""

from __future__ import annotations

import argparse

from luzia_client.cli import exit_codes

AGENTS = ("claude", "codex", "opencode", "gemini", "vibe")
EXAMPLES = (
    ("luzia mcp install claude", "show what would be added to Claude Code's configuration"),
    ("luzia mcp install claude --yes", "add it"),
    ("luzia mcp serve --http 8765", "serve agents over HTTP"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.usage = "luzia mcp [ACTION …]"
    actions = parser.add_subparsers(dest="action", metavar="ACTION", prog="luzia mcp")
    serve = _action(actions, "serve", "run the hub that serves all agents; normally started on demand")
    serve.add_argument(
        "--http", type=_port, metavar="PORT", help="also serve HTTP on this loopback port; 0 selects a free one"
    )
    for name, words in (
        ("install", "add luzia's tools to an agent's configuration file"),
        ("uninstall", "remove luzia's tools from an agent's configuration file"),
    ):
        change = _action(actions, name, words)
        change.add_argument("agent", choices=AGENTS, metavar="AGENT", help=", ".join(AGENTS))
        change.add_argument("--yes", action="store_true", help="write the file; otherwise only show what would change")


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, words: str
) -> argparse.ArgumentParser:
    return actions.add_parser(name, help=words, description=f"{words[0].upper()}{words[1:]}.")


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status."""
    if args.action is None:
        from luzia_client.mcp.relay import main

        return main.run()
    if args.action in ("install", "uninstall"):
        from luzia_client.mcp.setup.agents import server_command
        from luzia_client.mcp.setup.writing import change_file

        change_file(args.agent, server_command() if args.action == "install" else None, write=args.yes)
        return exit_codes.OK
    from luzia_client.mcp.hub import program

    status = program.run(program.default_socket(), on_demand=False, http=args.http)
    return exit_codes.OK if status == 0 else exit_codes.REFUSED


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"invalid port '{text}': it must be 0 to 65535")
    return int(text)
