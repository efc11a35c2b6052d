"""Print a completion script for a shell.

bash   luzia completions bash > ~/.local/share/bash-completion/completions/luzia
zsh    luzia completions zsh > a file _luzia in a directory of $fpath
fish   luzia completions fish > ~/.config/fish/completions/luzia.fish
"""

from __future__ import annotations

import argparse

from luzia_client import exit_codes
from luzia_client.cli.dispatch_options import OPTIONS
from luzia_client.cli.grammar import FLAGS, VALUED
from luzia_client.cli.main import COMMANDS, OWN_GRAMMAR, load, parser_of

EXAMPLES = (("luzia completions bash", "print it; above it says where it goes"),)

TAKE_IDS = (
    *(
        "jobs",
        "logs",
        "wait",
        "send",
        "answer",
        "edit",
        "cancel",
        "pause",
        "resume",
        "hold",
        "release",
        "retry",
        "remove",
    ),
    *("diff", "merge", "clean"),
)
WORDS = {
    "projects": "list add remove",
    "graph": "run show",
    "daemon": "start stop restart reload status",
    "completions": "bash zsh fish",
}

# Names are asked of a daemon that runs; pressing TAB starts none.
_ASK = "LUZIA_NO_AUTOSTART=1 luzia"
_PROJECTS = f"""{_ASK} projects --json 2>/dev/null | sed -n 's/^{{"name":"\\([^"]*\\)".*/\\1/p'"""
_IDS = f"""{_ASK} jobs --json 2>/dev/null | sed -n 's/^{{"id":"\\([^"]*\\)".*/\\1/p'"""

BASH = """\
# luzia completion for bash
_luzia() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} first=${{COMP_WORDS[1]}} words=
    if (( COMP_CWORD == 1 )); then
        words="{commands} $({projects})"
        [[ $current == -* ]] && words="{dispatch} --version"
    else
        case $first in
{cases}
            *) [[ $current == -* ]] && words="{dispatch}" ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}}
complete -o default -F _luzia luzia
"""

ZSH = """\
#compdef luzia
# luzia completion for zsh
_luzia() {{
    local -a offered
    if (( CURRENT == 2 )); then
        local -a commands=(
{described}
        )
        _describe command commands
        offered=(${{(f)"$({projects})"}})
        compadd -a offered
        _directories
        return
    fi
    case $words[2] in
{cases}
        *) offered=({dispatch}) ;;
    esac
    compadd -a offered
    _files
}}
compdef _luzia luzia
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("shell", choices=["bash", "zsh", "fish"], metavar="SHELL", help="bash, zsh or fish")


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit status."""
    print({"bash": bash, "zsh": zsh, "fish": fish}[args.shell](), end="")
    return exit_codes.OK


def options(name: str) -> list[str]:
    """A command's options, as its own parser or the dispatch grammar knows them."""
    if name in OWN_GRAMMAR:
        return [*VALUED, *OPTIONS, *FLAGS]
    parser = parser_of(name, load(name))
    return [option for action in parser._actions for option in action.option_strings]


def bash() -> str:
    """The script for bash."""
    cases = []
    for name in COMMANDS:
        names = _names(name)
        dynamic = f" $({names})" if names else ""
        cases.append(f'            {name}) words="{_static(name)}{dynamic}" ;;')
    return BASH.format(
        commands=" ".join(COMMANDS),
        projects=_PROJECTS,
        dispatch=" ".join(options("dispatch")),
        cases="\n".join(cases),
    )


def zsh() -> str:
    """The script for zsh."""
    cases = []
    for name in COMMANDS:
        names = _names(name)
        dynamic = f' ${{(f)"$({names})"}}' if names else ""
        cases.append(f"        {name}) offered=({_static(name)}{dynamic}) ;;")
    described = [f"            {_single_quoted(f'{name}:{text}')}" for name, (_, text, _) in COMMANDS.items()]
    return ZSH.format(
        described="\n".join(described),
        projects=_PROJECTS,
        dispatch=" ".join(options("dispatch")),
        cases="\n".join(cases),
    )


def fish() -> str:
    """The script for fish."""
    lines = ["# luzia completion for fish"]
    for name, (_, text, _) in COMMANDS.items():
        lines.append(f"complete -c luzia -f -n __fish_use_subcommand -a {name} -d {_single_quoted(text)}")
        seen = f"-n '__fish_seen_subcommand_from {name}'"
        for option in options(name):
            kind = f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"
            lines.append(f"complete -c luzia {seen} {kind}")
        if name in WORDS:
            lines.append(f"complete -c luzia -f {seen} -a {_single_quoted(WORDS[name])}")
        if names := _names(name):
            lines.append(f"complete -c luzia -f {seen} -a {_single_quoted(f'({names})')}")
    lines.append(f"complete -c luzia -n __fish_use_subcommand -a {_single_quoted(f'({_PROJECTS})')}")
    return "\n".join(lines) + "\n"


def _static(name: str) -> str:
    return " ".join([*WORDS.get(name, "").split(), *options(name)])


def _names(name: str) -> str:
    """The shell command that lists what a command takes: job ids, or projects."""
    if name in TAKE_IDS:
        return _IDS
    return _PROJECTS if name in OWN_GRAMMAR else ""


def _single_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
