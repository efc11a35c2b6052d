"""Prints errors on stderr: one line with what is wrong, one with what to do; and chooses the exit status."""

from __future__ import annotations

import errno
import os
import re
import sys

from luzia_protocol.errors import REMEDIES, ErrorCode, LuziaError, Refused

from luzia_client.api.errors import ArgumentError, SettingsError
from luzia_client.cli import exit_codes
from luzia_client.cli.args.errors import UsageError
from luzia_client.cli.show.text import harmless
from luzia_client.transport.endpoint import DaemonUnreachableError, UnexpectedAnswerError
from luzia_client.trees import WorktreeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


_FILE_HINTS = {
    errno.ENOENT: "Check the path; a relative one begins in the current directory.",
    errno.ENOTDIR: "Check the path: a part of it is a file.",
    errno.EISDIR: "Name a file, not a directory.",
    errno.EACCES: "Check the owner and mode of the file and of the directories above it.",
}
"""What to do about an error of a file."""


def report_error(exc: BaseException) -> int:
    """Print an exception as an error; returns the exit status."""
    if os.environ.get("LUZIA_DEBUG") and not isinstance(exc, KeyboardInterrupt | BrokenPipeError):
        import traceback

        traceback.print_exception(exc)
    match exc:
        case UsageError() | SettingsError() | ArgumentError():
            return print_error(exc.message, exc.hint or _help_hint(), exit_codes.USAGE)
        case Refused():
            return print_refusal(exc)
        case WorktreeError():
            return print_error(exc.message, exc.hint, exit_codes.REFUSED)
        case DaemonUnreachableError() | UnexpectedAnswerError():
            return print_error(exc.message, exc.hint, exit_codes.UNREACHABLE)
        case KeyboardInterrupt():
            return exit_codes.INTERRUPTED
        case BrokenPipeError():
            _discard_output()
            return exit_codes.BROKEN_PIPE
        case OSError():
            _discard_output()
            where = f"{exc.filename}: " if exc.filename else ""
            hint = _FILE_HINTS.get(exc.errno or 0, "") if exc.filename else ""
            return print_error(f"{where}{exc.strerror or exc}", hint, exit_codes.INPUT_OUTPUT)
        case _:
            return print_error(
                f"internal error: {type(exc).__name__}: {exc}",
                "Please report it, with the traceback that LUZIA_DEBUG=1 prints.",
                exit_codes.BUG,
            )


def print_refusal(refused: Refused, where: str = "") -> int:
    """Print why the daemon refuses a request; returns the exit status. where: what precedes the message.

    A daemon of another version does not understand some requests, and says nothing more than that.
    """
    message, hint = refused.message, refused.hint
    if refused.code is ErrorCode.BAD_REQUEST:
        if not where:
            message = _name_options(message)
        if hint == REMEDIES[ErrorCode.BAD_REQUEST]:
            hint = _help_hint()
        from luzia_client.cli.show.installation import difference_from_running

        difference = difference_from_running()
        hint = f"{difference}: run `luzia daemon restart`; running jobs are not affected." if difference else hint
    if refused.code is ErrorCode.UNKNOWN_JOB and sys.argv[1:2] == ["jobs"]:
        from luzia_client.cli.args.foreign_words import find_meaning

        meant = find_meaning("jobs", sys.argv[2:], _own_commands())  # `jobs list` of another tool
        hint = f"Did you mean `{meant}`?" if meant else hint
    return print_error(f"{where}{message}", hint, exit_codes.REFUSED, refused.code.value)


def wants_json() -> bool:
    """Whether the command line asks for JSON, so that errors are for a program as well."""
    words = sys.argv[1:]
    return "--json" in (words[: words.index("--")] if "--" in words else words)


def _name_options(message: str) -> str:
    """The message with the options of the command line in place of the fields of a request."""
    from luzia_client.cli.args.dispatch_options import OPTIONS

    for name, option in OPTIONS.items():
        message = re.sub(rf"`{option.field}(?:\[\d+\])?`", name, message)
    return message


def _help_hint() -> str:
    """Which help describes the values that the command takes."""
    from luzia_client.cli.args.command_line import ALIASES, COMMANDS

    first = "".join(sys.argv[1:2])
    command = ALIASES.get(first, first if first in COMMANDS else "dispatch")
    return f"See `luzia {command} --help`."


def print_error(message: str, hint: str, status: int, code: str = "") -> int:
    """Print the message and the hint on stderr, with `--json` as an object; returns `status`.

    code: of the daemon's refusal; without one it follows from the status.
    """
    if wants_json():
        import json

        from luzia_client.cli.show.text import harmless_json

        code = code or exit_codes.ERROR_CODES.get(status, "error")
        error = {"code": code, "message": message, "hint": hint, "status": status}
        sys.stderr.write(harmless_json(json.dumps({"error": error}, ensure_ascii=False)) + "\n")
        return status
    lines = f"luzia: {message}\n" + (f"  {hint}\n" if hint else "")
    sys.stderr.write("\n".join(harmless(line) for line in lines.split("\n")))
    return status


def suggest_project(words: Sequence[str], status: int) -> None:
    """After a refused command with a text in it, print how to dispatch it to a project of the command's name."""
    from luzia_client.api.client import Client
    from luzia_client.cli.args.command_line import ALIASES, COMMANDS

    has_text = any(len(word.split()) > 1 for word in words[1:])
    is_command = words[:1] and (words[0] in COMMANDS or words[0] in ALIASES)
    if status not in (exit_codes.USAGE, exit_codes.REFUSED) or not is_command or not has_text or wants_json():
        return
    try:
        with Client(autostart=False) as client:
            names = [project.name for project in client.list_projects().projects]
    except LuziaError:
        return
    if words[0] in names:
        sys.stderr.write(f"  To dispatch to the project '{words[0]}': luzia dispatch {words[0]} TASK\n")


def suggest_command(word: str, following: Sequence[str] = ()) -> str | None:
    """The command line that a word means in other tools, or is probably a misspelling of; None without one.

    following: the words behind it.
    """
    from luzia_client.cli.args.command_line import ALIASES, COMMANDS
    from luzia_client.cli.args.errors import closest_match
    from luzia_client.cli.args.foreign_words import find_meaning

    if word in COMMANDS or word in ALIASES:
        return find_meaning("run", [word, *following], _own_commands())  # `run cancel ID` of another tool
    near = closest_match(word, [*COMMANDS, *ALIASES])
    return find_meaning(word, following) or (None if near is None else f"luzia {near}")


def _own_commands() -> dict[str, str]:
    """The commands by each of their names."""
    from luzia_client.cli.args.command_line import ALIASES, COMMANDS

    return {name: name for name in COMMANDS} | ALIASES


def add_command_hint(refused: Refused, project: str, following: Sequence[str] = ()) -> Refused:
    """Add to the error for an unknown project the command that it means or resembles.

    following: the words behind it.
    """
    from luzia_client.cli.args.foreign_words import find_meaning

    if refused.code is not ErrorCode.UNKNOWN_PROJECT:
        return refused
    if meant := find_meaning(project, following, _own_commands()):
        return Refused(refused.code, f"unknown command or project '{project}'", f"Did you mean `{meant}`?")
    near = suggest_command(project, following)
    if near is None or refused.hint.startswith("Did you mean"):
        return refused
    return Refused(refused.code, refused.message, f"Did you mean `{near}`? {refused.hint}")


def _discard_output() -> None:
    """Redirect stdout to /dev/null: it is broken, and flushing it at exit must not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
