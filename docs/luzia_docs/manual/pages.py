"""The manual: luzia(1), a page for each command, and luziad(8), from what their help screens are made of."""

from __future__ import annotations

import argparse
import inspect
from itertools import pairwise

from luzia_protocol.version import VERSION

from luzia_client.cli.args.command_line import COMMANDS
from luzia_client.cli.help import topics, usage
from luzia_client.cli.help.reference import Command, Parameter, list_commands
from luzia_docs.manual import roff
from luziad import cli as luziad

HEADINGS = {"exit-codes": "exit status"}
"""Topics whose section has the heading that is usual in manuals."""


def manual() -> dict[str, str]:
    """Paths below docs/man, and what stands there."""
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
        f"luzia\\-{roff.escaped(command.name)} \\- {roff.escaped(command.title)}",
        *_synopsis(command.usage),
        roff.section("description"),
        *roff.prose(command.text),
        *_words("arguments", [word for word in command.words if not word.names]),
        *_actions(command),
        *_words("options", [word for word in command.words if word.names]),
        *_notes(command.notes),
        roff.section("examples"),
        *(line for example, text in command.examples for line in roff.entry(roff.bold(example), text)),
        roff.section("see also"),
        ".BR luzia (1),",
        "whose sections are the topics of",
        roff.escaped("`luzia help`."),
    ]


def overview(known: list[Command]) -> list[str]:
    """luzia(1): the commands, and the topics."""
    lines = [
        roff.title("luzia", 1, VERSION),
        roff.section("name"),
        "luzia \\- dispatch coding agents in the background",
        *_synopsis(f"{usage.dispatch_usage('dispatch')[0]}\nluzia COMMAND [options] …"),
        roff.section("description"),
        *roff.prose(
            "Hand tasks to coding agents, or run any command, in the background, and see what becomes of them."
        ),
        *roff.as_it_stands([f"  {line}" for line in usage.SHORT.splitlines()]),
        *roff.prose("Each command has a page: `man luzia-jobs`. `luzia help jobs` says the same in short."),
        roff.section("commands"),
    ]
    titles = {each.name: each.title for each in known}
    for group in dict.fromkeys(group for _, _, group in COMMANDS.values()):
        lines.append(roff.subsection(group))
        for name, (_, _, of) in COMMANDS.items():
            if of == group:
                lines += roff.entry(f".BR luzia\\-{name} (1)", titles[name])
    for name in topics.TITLES:
        lines += [roff.section(HEADINGS.get(name, name)), *roff.prose(topics.topic_text(name))]
    return [*lines, roff.section("see also"), ".BR luziad (8)"]


def daemon() -> list[str]:
    """luziad(8)."""
    parser = luziad.argument_parser()
    options = [action for action in parser._actions if action.help != argparse.SUPPRESS]
    words = [Parameter(tuple(each.option_strings), _value(each), each.help or "") for each in options]
    statuses, _, more = inspect.cleandoc(luziad.__doc__ or "").partition("\n\n")[2].partition("\n--")
    assert more
    return [
        roff.title("luziad", 8, VERSION),
        roff.section("name"),
        "luziad \\- the daemon of luzia",
        *_synopsis("luziad [options]"),
        roff.section("description"),
        *roff.prose(parser.description or ""),
        *roff.prose("Commands start it when they need it; `luzia daemon` starts, stops and restarts it."),
        *_words("options", words),
        roff.section("exit status"),
        *roff.as_it_stands([f"  {line}" for line in statuses.splitlines()]),
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
        lines.append(f"{roff.bold(' '.join(words[:count]))} {roff.escaped(rest)}".rstrip())
    return [*lines, ".fi"]


def _words(heading: str, words: list[Parameter]) -> list[str]:
    if not words:
        return []
    return [roff.section(heading), *(line for word in words for line in roff.entry(_term(word), word.text))]


def _term(word: Parameter) -> str:
    if not word.names:
        return roff.italic(word.value)
    return ", ".join(
        f"{roff.bold(name)} {roff.italic(word.value)}" if word.value else roff.bold(name) for name in word.names
    )


def _actions(command: Command) -> list[str]:
    if not command.actions:
        return []
    lines = [roff.section("actions")]
    for action in command.actions:
        lines += [roff.subsection(action.usage), *roff.prose(action.text or action.title)]
        for word in action.words:
            if "--help" not in word.names:
                lines += roff.entry(_term(word), word.text)
    return lines


def _notes(notes: str) -> list[str]:
    """What a help screen says last: paragraphs, or a heading with lines below it."""
    if not notes:
        return []
    heading, _, rest = notes.partition(":\n")
    if rest and " " not in heading:
        return [roff.section(heading), *roff.as_it_stands(rest.splitlines())]
    return [roff.section("notes"), *roff.prose(notes)]


def _page(lines: list[str]) -> str:
    """The file. A section begins with a paragraph anyway."""
    lines = [line for before, line in pairwise(["", *lines]) if line != ".PP" or before[:3] not in (".SH", ".SS")]
    return '.\\" Made by `make generate`.\n' + "\n".join(lines) + "\n"
