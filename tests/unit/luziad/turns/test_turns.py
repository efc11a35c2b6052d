"""Turns on the event loop: who gets how many, and what happens between them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from time import perf_counter

from luziad.turns.turns import MAX_LONG, Cascade, Turns


def worker(done: Counter[str], name: str, ends: Callable[[], bool]) -> Callable[[float], bool]:
    """Works until the end of its turn, and always has more to do."""

    def work(until: float) -> bool:
        while perf_counter() < until:
            pass
        done[name] += 1
        return not ends()

    return work


async def test_a_process_with_many_connections_gets_no_more_turns_than_one_with_a_single_connection() -> None:
    turns, done = Turns(), Counter[str]()
    ended = asyncio.Event()

    def ends() -> bool:
        if done.total() >= 200:
            ended.set()
        return ended.is_set()

    shares = [turns.share(1, worker(done, "many", ends)) for _ in range(20)]
    shares.append(turns.share(2, worker(done, "one", ends)))
    for share in shares:
        share.await_turn()
    await ended.wait()
    assert done["one"] > 50, "half of the turns, or nearly so; with equal shares it would be ten"


async def test_the_loop_serves_others_between_turns_of_endless_work() -> None:
    turns, done = Turns(), Counter[str]()
    served = 0
    share = turns.share(1, worker(done, "endless", lambda: served == 10))
    share.await_turn()
    for _ in range(10):
        await asyncio.sleep(0)
        served += 1
    assert done["endless"] <= 40, "it had at most a few turns between two of the others"


async def test_a_share_that_asks_seldom_is_first() -> None:
    turns, done = Turns(), Counter[str]()
    asked = 0

    def answer(until: float) -> bool:
        answered.set()
        return False

    rare = turns.share(1000, answer)
    for number in range(50):
        turns.share(number, worker(done, "busy", lambda: asked == 5)).await_turn()
    for _ in range(50):  # all of them have arrived, and have more to do
        await asyncio.sleep(0)
    for _ in range(5):
        before, answered = done["busy"], asyncio.Event()
        rare.await_turn()
        await answered.wait()
        asked += 1
        assert done["busy"] - before <= 6, "the turns of one or two rounds of the loop, not those of all others"


async def test_long_work_is_done_for_a_few_at_a_time_and_for_the_others_when_these_have_ended() -> None:
    turns = Turns()
    begun: list[int] = []

    def beginner(number: int) -> Callable[[float], bool]:
        def work(until: float) -> bool:
            if shares[number].begin_long_work() and number not in begun:
                begun.append(number)
            return False

        return work

    shares = [turns.share(number, beginner(number)) for number in range(MAX_LONG + 2)]
    for share in shares:
        share.await_turn()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert sorted(begun) == list(range(MAX_LONG))
    for share in shares[:MAX_LONG]:
        share.end_long_work()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert sorted(begun) == list(range(len(shares)))


async def test_a_cascade_continues_after_work_that_has_failed() -> None:
    steps: list[str] = []
    finished = asyncio.Event()

    def failing() -> Iterator[None]:
        steps.append("failing")
        yield
        raise ValueError("a mistake")

    def following() -> Iterator[None]:
        steps.append("following")
        yield
        finished.set()

    cascade = Cascade(Turns())
    cascade.add(failing())
    cascade.add(following())
    await finished.wait()
    assert steps == ["failing", "following"]
