"""`luziad --read-agent`, for `luzia agents read`: reads an agent's recorded output as the daemon does. Exit codes:

0    the output was read, whatever the verdict
2    invalid arguments or configuration
74   a file cannot be read, or the output cannot be written
130  interrupted
141  broken pipe
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import NoReturn

import msgspec

from luzia_protocol.errors import Refused
from luzia_protocol.jobs import Usage

from luziad.agents import registry
from luziad.agents.base import STDERR_TAIL_BYTES, Adapter, OutputSummary
from luziad.agents.line_splitter import LineSplitter
from luziad.config import load as configuration
from luziad.errors import ConfigError
from luziad.jobs.attempt import ExitRecord, Verdict
from luziad.tools.output_report import Phases, describe_output

_BLOCK = 256 * 1024
_USAGE, _INPUT_OUTPUT, _INTERRUPTED, _BROKEN_PIPE = 2, 74, 130, 141


class ReadResult(msgspec.Struct, frozen=True):
    """The object that `--json` prints."""

    agent: str
    verdict: Verdict
    understanding: OutputSummary


def main(argv: Sequence[str]) -> int:
    """Read the recorded output, print a report, and return the exit code."""
    parser = _parser()
    options = parser.parse_args(argv)
    if options.stdout == options.stderr == "-":
        parser.error("only one of --stdout and --stderr can be -")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        adapter = registry.get(options.agent, registry.build(configuration.load().agents))
        _read(adapter, options)
        sys.stdout.flush()
    except ConfigError as exc:
        return _report_error(_USAGE, *exc.mistakes)
    except Refused as exc:
        return _report_error(_USAGE, exc.message, f"  {exc.hint}")
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        _discard_output()
        return _BROKEN_PIPE
    except OSError as exc:
        _discard_output()
        return _report_error(_INPUT_OUTPUT, f"{exc.filename or 'the output'}: {exc.strerror or exc}")
    return 0


def _read(adapter: Adapter, options: argparse.Namespace) -> None:
    reader, splitter, phases = adapter.reader(), LineSplitter(), Phases()
    for block in _read_blocks(options.stdout):
        for line in splitter.feed(block):
            phases.add(reader.feed(line))
    for line in splitter.end():
        phases.add(reader.feed(line))
    tail = b""
    for block in _read_blocks(options.stderr) if options.stderr is not None else ():
        tail = (tail + block)[-STDERR_TAIL_BYTES:]
    end = _exit_record(options.exit, options.signal)
    verdict = reader.verdict(end, tail)  # first, because it may add to the summary
    result = ReadResult(adapter.name, verdict, reader.summary())
    if options.json:
        sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
        return
    assumed = options.exit is None and options.signal is None
    for name, value in describe_output(result.agent, result.understanding, phases, verdict, end, assumed=assumed):
        sys.stdout.write(f"{name + ':' if name else '':<9} {value}".rstrip() + "\n")


def _read_blocks(path: str) -> Iterator[bytes]:
    """The blocks of a file, or of stdin for `-`. Raises OSError with the file's name."""
    try:
        with open(0 if path == "-" else path, "rb", buffering=0, closefd=path != "-") as file:
            while block := file.read(_BLOCK):
                yield block
    except OSError as exc:
        raise OSError(exc.errno, exc.strerror, "stdin" if path == "-" else path) from exc


def _exit_record(code: int | None, killed_by: str | None) -> ExitRecord:
    return ExitRecord(
        exit_code=None if killed_by else code or 0,
        signal=killed_by,
        error=None,
        stopped=False,
        started_at=0.0,
        ended_at=0.0,
        duration_s=0.0,
        usage=Usage(),
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(_report_error(_USAGE, message, "  See `luzia agents read --help`."))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="luzia agents read", allow_abbrev=False)
    parser.add_argument("agent")
    parser.add_argument("--stdout", required=True)
    parser.add_argument("--stderr")
    parser.add_argument("--json", action="store_true")
    ended = parser.add_mutually_exclusive_group()
    ended.add_argument("--exit", type=_exit_code)
    ended.add_argument("--signal", type=_signal_name)
    return parser


def _exit_code(words: str) -> int:
    if not words.isascii() or not words.isdigit() or len(words) > 3 or int(words) > 255:
        raise argparse.ArgumentTypeError(f"invalid exit code '{words}': expected a number from 0 to 255")
    return int(words)


def _signal_name(words: str) -> str:
    """SIGTERM for `SIGTERM`, `term` and `15`."""
    name = words.upper()
    for known in signal.Signals:
        if name in (known.name, known.name.removeprefix("SIG"), str(known.value)):
            return known.name
    raise argparse.ArgumentTypeError(f"invalid signal '{words}': expected a name such as TERM or SIGKILL")


def _report_error(status: int, *lines: str) -> int:
    sys.stderr.write("luzia: " + "\n".join(lines) + "\n")
    return status


def _discard_output() -> None:
    """Discard the buffered output, so that the interpreter can exit without an error."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
