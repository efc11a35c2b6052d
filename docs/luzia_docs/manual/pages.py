"""The manual: luzia(1), a page for each command, and luziad(8), from the sources of their help."""

from __future__ import annotations

import argparse
import inspect
from itertools import pairwise

from luzia_protocol.version import VERSION

from luzia_client.cli import exit_codes
from luzia_client.cli.args.command_line import COMMANDS
from luzia_client.cli.help import topics, usage
from luzia_client.cli.help.reference import Command, Parameter, list_commands
from luzia_docs.manual import roff
from luziad import cli as luziad

HEADINGS = {"exit-codes": "exit status"}
"""Topic -> the usual heading of its section in manuals."""


def manual() -> dict[str, str]:
    """Path below docs/man -> page."""
    known = list_commands()
    pages = {f"man1/luzia-{each.name}.1": _page(of_command(each)) for each in known}
    pages["man1/luzia.1"] = _page(overview(known))
    pages["man8/luziad.8"] = _page(daemon())
    return pages


def of_command(command: Command) -> list[str]:
    """luzia-COMMAND(1)."""
    return [
        roff.title(f"luzia-{command.name}", 1, VERSION),
        roff.section("name"),
        f"luzia\\-{roff.escape(command.name)} \\- {roff.escape(command.summary)}",
        *_synopsis(command.usage),
        roff.section("description"),
        *roff.prose(command.description),
        *_parameters([each for each in command.parameters if not each.names], "arguments"),
        *_actions(command),
        *_parameters([each for each in command.parameters if each.names], "options"),
        *_notes(command.notes),
        roff.section("examples"),
        *(line for example, text in command.examples for line in roff.entry(roff.bold(example), text)),
        roff.section("exit status"),
        *(line for number, text in exit_codes.meanings(command.name).items() for line in roff.entry(str(number), text)),
        roff.section("see also"),
        ".BR luzia (1),",
        "which includes the topics of",
        roff.escape("`luzia help`."),
    ]


def overview(known: list[Command]) -> list[str]:
    """luzia(1): the commands, and the topics."""
    lines = [
        roff.title("luzia", 1, VERSION),
        roff.section("name"),
        "luzia \\- dispatch coding agents in the background",
        *_synopsis(f"{usage.USAGES['dispatch'][0]}\nluzia COMMAND [options] …"),
        roff.section("description"),
        *roff.prose(
            "Run the tasks of coding agents, or any command, as jobs in the background, and inspect and control them."
        ),
        *roff.verbatim([f"  {line}" for line in usage.SHORT.splitlines()]),
        *roff.prose("Each command has a page of its own, such as `man luzia-jobs`; `luzia help jobs` prints the same."),
        roff.section("commands"),
    ]
    summaries = {each.name: each.summary for each in known}
    for group in dict.fromkeys(group for _, _, group in COMMANDS.values()):
        lines.append(roff.subsection(group))
        for name, (_, _, of) in COMMANDS.items():
            if of == group:
                lines += roff.entry(f".BR luzia\\-{name} (1)", summaries[name])
    lines.append(roff.subsection("Other names"))
    for name, others in usage.other_names().items():
        lines += roff.entry(f".BR luzia\\-{name} (1)", others)
    for name in topics.TITLES:
        lines += [roff.section(HEADINGS.get(name, name)), *roff.prose(topics.topic_text(name))]
    return [*lines, roff.section("see also"), ".BR luziad (8)"]


def daemon() -> list[str]:
    """luziad(8)."""
    parser = luziad.argument_parser()
    options = [action for action in parser._actions if action.help != argparse.SUPPRESS]
    parameters = [Parameter(tuple(each.option_strings), _value(each), each.help or "") for each in options]
    statuses, _, more = inspect.cleandoc(luziad.__doc__ or "").partition("\n\n")[2].partition("\n--")
    assert more
    return [
        roff.title("luziad", 8, VERSION),
        roff.section("name"),
        "luziad \\- the daemon of luzia",
        *_synopsis("luziad [options]"),
        roff.section("description"),
        *roff.prose(parser.description or ""),
        *roff.prose("Commands start it on demand; `luzia daemon` starts, stops and restarts it."),
        *_parameters(parameters, "options"),
        roff.section("exit status"),
        *roff.verbatim([f"  {line}" for line in statuses.splitlines()]),
        roff.section("see also"),
        ".BR luzia (1),",
        ".BR luzia\\-daemon (1)",
    ]


def _value(action: argparse.Action) -> str:
    return "" if action.nargs == 0 else str(action.metavar or action.dest.upper())


def _synopsis(text: str) -> list[str]:
    lines = [roff.section("synopsis"), ".nf"]
    for line in text.splitlines():
        words = line.split()
        count = 2 if len(words) > 1 and words[1].isalpha() and words[1].islower() else 1
        rest = " ".join(words[count:])
        lines.append(f"{roff.bold(' '.join(words[:count]))} {roff.escape(rest)}".rstrip())
    return [*lines, ".fi"]


def _parameters(parameters: list[Parameter], heading: str) -> list[str]:
    """A section of parameters, with the headings that the help has."""
    if not parameters:
        return []
    lines = [roff.section(heading)]
    for section in dict.fromkeys(each.section for each in parameters):
        lines += [] if section.lower() == heading else [roff.subsection(section)]
        for each in (each for each in parameters if each.section == section):
            lines += roff.entry(_term(each), each.help)
    return lines


def _term(parameter: Parameter) -> str:
    if not parameter.names:
        return roff.italic(parameter.value)
    value = f" {roff.italic(parameter.value)}" if parameter.value else ""
    return ", ".join(roff.bold(name) + value for name in parameter.names)


def _actions(command: Command) -> list[str]:
    if not command.actions:
        return []
    lines = [roff.section("actions")]
    for action in command.actions:
        lines += [roff.subsection(action.usage), *roff.prose(action.description or action.summary)]
        for parameter in action.parameters:
            if "--help" not in parameter.names:
                lines += roff.entry(_term(parameter), parameter.help)
    return lines


def _notes(notes: str) -> list[str]:
    """The end of a help text: paragraphs, or a heading with lines below it."""
    if not notes:
        return []
    heading, _, rest = notes.partition(":\n")
    if rest and " " not in heading:
        return [roff.section(heading), *roff.verbatim(rest.splitlines())]
    return [roff.section("notes"), *roff.prose(notes)]


def _page(lines: list[str]) -> str:
    """The file; the macro for a paragraph is redundant after a heading."""
    lines = [line for before, line in pairwise(["", *lines]) if line != ".PP" or before[:3] not in (".SH", ".SS")]
    return '.\\" Made by `make generate`.\n' + "\n".join(lines) + "\n"
