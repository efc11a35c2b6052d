from __future__ import annotations

import pytest

from luzia_protocol.jobs import JobState
from luzia_protocol.output import Output

from luzia_client.cli.show.screen import Screen
from luzia_client.cli.watch.output_printers import MAX_LINE_BYTES, JobEnd, LineSplitter, PrefixedPrinter


def piece(job: str, text: str, offset: int = 0, dropped: int = 0) -> Output:
    size = offset + len(text.encode())
    return Output(
        job=job,
        attempt=1,
        stream="stdout",
        offset=offset,
        next_offset=size,
        data=text,
        size=size,
        ended=False,
        dropped_bytes=dropped,
        rendered=True,
    )


def test_a_line_is_whole_whatever_pieces_it_comes_in() -> None:
    lines = LineSplitter()
    assert lines.feed(b"one\ntw") == [b"one"]
    assert lines.feed(b"") == []
    assert lines.feed(b"o\n\nthree") == [b"two", b""]
    assert lines.end() == [b"three"]
    assert lines.end() == []


def test_a_line_without_end_is_printed_in_pieces_that_cut_no_character() -> None:
    lines = LineSplitter()
    text = "x" + "é" * MAX_LINE_BYTES
    data = text.encode()
    found = [part for start in range(0, len(data), 1000) for part in lines.feed(data[start : start + 1000])]
    found += lines.end()
    assert all(len(part) <= MAX_LINE_BYTES for part in found)
    assert "".join(part.decode() for part in found) == text


def test_prefixes_are_as_wide_as_the_longest_project_so_far(capsys: pytest.CaptureFixture[str]) -> None:
    printer = PrefixedPrinter(Screen(), raw=False)
    printer.start_job("113754-a2f5", "api", "")
    printer.start_job("113755-17c0", "测试库", "")
    printer.print_output("113754-a2f5", piece("113754-a2f5", "one\ntwo"))
    printer.print_output("113755-17c0", piece("113755-17c0", "eins\n"))
    printer.print_output("113754-a2f5", piece("113754-a2f5", " and a half\n", 7))
    assert capsys.readouterr().out.splitlines() == [
        "api    113754-a2f5 | one",
        "测试库 113755-17c0 | eins",
        "api    113754-a2f5 | two and a half",
    ]


def test_the_names_of_jobs_are_in_a_column_if_there_are_any(capsys: pytest.CaptureFixture[str]) -> None:
    printer = PrefixedPrinter(Screen(), raw=False)
    printer.start_job("113754-a2f5", "api", "build")
    printer.start_job("113755-17c0", "api", "")
    printer.print_output("113754-a2f5", piece("113754-a2f5", "one\n"))
    printer.print_output("113755-17c0", piece("113755-17c0", "two\n"))
    assert capsys.readouterr().out.splitlines() == [
        "api 113754-a2f5 build | one",
        "api 113755-17c0       | two",
    ]


def test_a_colour_is_the_same_each_time_and_no_two_jobs_have_the_same_while_there_are_others() -> None:
    screen = Screen(width=80, colour=True)
    ids = [f"113754-{number:04x}" for number in range(9)]

    def colours(jobs: list[str]) -> list[str]:
        printer = PrefixedPrinter(screen, raw=False)
        for job in jobs:
            printer.start_job(job, "p", "")
        return [printer.prefix(job) for job in jobs]

    assert len({prefix.partition("p ")[0] for prefix in colours(ids)}) == 9
    assert colours(ids[4:5]) == colours(ids[4:5])
    assert len(colours(ids + [f"113755-{number:04x}" for number in range(9)])) == 18


def test_what_was_overwritten_and_what_steers_a_terminal_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    printer = PrefixedPrinter(Screen(width=80, colour=True), raw=True)
    printer.start_job("113754-a2f5", "p", "")
    printer.print_output("113754-a2f5", piece("113754-a2f5", "10%\r20%\r\n\x1b[31mred\x1b[2J\x1b]0;owned\x07\n"))
    one, two = (line.partition("|\x1b[0m ")[2] for line in capsys.readouterr().out.splitlines())
    assert one == "20%"
    assert two == "\x1b[31mred^[[2J^[]0;owned^G\x1b[0m"


def test_what_is_not_kept_any_more_and_how_a_job_ended_is_said_beside_the_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    printer = PrefixedPrinter(Screen(), raw=False)
    printer.start_job("113754-a2f5", "p", "")
    printer.start_attempt("113754-a2f5", 2)
    printer.print_output("113754-a2f5", piece("113754-a2f5", "rest\n", offset=1000, dropped=1000))
    printer.print_output("113754-a2f5", piece("113754-a2f5", "more\n", offset=1005, dropped=1000))
    printer.end_job("113754-a2f5", JobEnd(JobState.FAILED, "failed", "exit code 3"))
    said = capsys.readouterr()
    assert said.out == "p 113754-a2f5 | rest\np 113754-a2f5 | more\n"
    assert said.err.splitlines() == [
        "p 113754-a2f5 | attempt 2",
        "p 113754-a2f5 | earlier output has been dropped (max_log_bytes)",
        "p 113754-a2f5 | failed: exit code 3",
    ]
