"""Who is first in a line."""

from __future__ import annotations

from luziad.turns.line import AHEAD_S, CREDIT_S, DEBT_S, Line, Member


def member(used_s: float) -> Member:
    found = Member()
    found.used_s = used_s
    return found


def test_the_member_that_has_used_least_is_first_and_equal_ones_keep_their_order() -> None:
    line: Line[Member] = Line()
    much, little, as_little = member(DEBT_S / 2), member(0.0), member(0.0)
    for each in (much, little, as_little):
        line.add(each)
    assert [line.pop() for _ in range(3)] == [little, as_little, much]


def test_a_member_waits_once_however_often_it_is_added() -> None:
    line: Line[Member] = Line()
    only = member(0.0)
    line.add(only)
    line.add(only)
    assert line.pop() is only
    assert not line


def test_idle_time_gives_a_small_credit_and_long_work_a_small_debt() -> None:
    line: Line[Member] = Line()
    busy, idle, late = member(0.0), member(0.0), member(5.0)
    for _ in range(100):
        line.add(busy, continues=True)
        line.pop().used_s += 0.001
    line.add(busy, continues=True)
    line.pop()
    line.add(idle)
    line.add(late)
    assert busy.used_s - CREDIT_S == idle.used_s
    assert busy.used_s + DEBT_S == late.used_s


def test_a_member_that_arrives_comes_before_those_that_continue_until_it_has_used_much_more() -> None:
    line: Line[Member] = Line()
    continuing, arriving = member(0.0), member(AHEAD_S / 2)
    line.add(continuing, continues=True)
    line.add(arriving)
    assert line.pop() is arriving
    arriving.used_s = AHEAD_S * 1.5
    line.add(arriving)
    assert line.pop() is continuing
