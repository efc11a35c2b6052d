"""Shares the time of the event loop among connections and cascades, so that none of them delays the others.

A turn lasts a millisecond at most, unless one step of the work takes longer. The next turn goes to the process that has
used least, and among its connections to the one that has used least: more connections get no more time. Between turns
the loop serves sockets, commits and timers. Long work, such as a list of many jobs, is done for a few connections at a
time, because its results take memory until they are sent.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator
from time import perf_counter, thread_time
from weakref import WeakValueDictionary

from luziad.turns.line import Line, Member

log = logging.getLogger("luziad.turns")

LOOP_S = 0.002
"""How long turns are given before the loop does other things."""
TURN_S = 0.001
"""How long a turn lasts at most."""
MAX_LONG = 4
"""How many shares do long work at the same time."""

Slices = Iterator[None]
"""Work in steps, each of which should take much less than a millisecond."""


class Share(Member):
    """The share of one connection or cascade; see Turns.share."""

    __slots__ = ("_account", "_does_long_work", "_turns", "_work")

    def __init__(self, turns: Turns, account: Account, work: Callable[[float], bool]) -> None:
        super().__init__()
        self._turns = turns
        self._account = account
        self._work = work
        self._does_long_work = False
        account.line.welcome(self)

    def take_turn(self) -> None:
        """Work now if no other share is waiting, otherwise in its turn."""
        self._account.line.add(self)
        self._turns.give_if_free(self._account)

    def await_turn(self) -> None:
        """Work in its turn."""
        self._account.line.add(self)
        self._turns.enqueue(self._account)

    def begin_long_work(self) -> bool:
        """Whether long work may be done now; if not, the share gets a turn when it may."""
        if not self._does_long_work:
            self._does_long_work = self._turns.begin_long_work(self)
        return self._does_long_work

    def end_long_work(self) -> None:
        """The long work is done or given up, or none was begun."""
        if self._does_long_work:
            self._does_long_work = False
            self._turns.end_long_work()

    def work(self, until: float) -> bool:
        """Take a turn that ends at this time. Returns whether there is more to do."""
        return self._work(until)


class Account(Member):
    """What the shares of one process have used together, and those of them that are waiting."""

    __slots__ = ("__weakref__", "line")

    def __init__(self) -> None:
        super().__init__()
        self.line: Line[Share] = Line()


class Turns:
    """Gives turns. Create it on the loop that it is used on."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._accounts: WeakValueDictionary[int, Account] = WeakValueDictionary()
        self._line: Line[Account] = Line()
        self._is_scheduled = False
        self._free_from = 0.0
        self._long = 0
        self._want_long: list[Share] = []

    def share(self, process: int, work: Callable[[float], bool]) -> Share:
        """A share of the time.

        process: the client's, or 0 for the daemon's own work. work: called with the time of perf_counter at which the
        turn ends; returns whether there is more to do.
        """
        account = self._accounts.get(process)
        if account is None:
            account = self._accounts[process] = Account()
            self._line.welcome(account)
        return Share(self, account, work)

    def enqueue(self, account: Account) -> None:
        """Give one of its shares a turn when the account has used least."""
        self._line.add(account)
        self._schedule()

    def give_if_free(self, account: Account) -> None:
        """Give one of its shares a turn now, if no others are waiting and half of the time is left for other things."""
        self._line.add(account)
        began = perf_counter()
        if len(self._line) == 1 and began >= self._free_from:
            self._give(began + LOOP_S)
            now = perf_counter()
            self._free_from = now + (now - began)
        if self._line:
            self._schedule()

    def begin_long_work(self, share: Share) -> bool:
        """Count one more long work, or give the share a turn when there may be one more."""
        if self._long >= MAX_LONG:
            self._want_long.append(share)
            return False
        self._long += 1
        return True

    def end_long_work(self) -> None:
        """Count one less, and give turns to all shares that want to begin."""
        self._long -= 1
        waiting, self._want_long = self._want_long, []
        for share in waiting:
            share.await_turn()

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._take_turns)

    def _take_turns(self) -> None:
        until = perf_counter() + LOOP_S
        try:
            while self._line and perf_counter() < until:
                self._give(until)
        finally:
            self._is_scheduled = False
            if self._line:
                self._schedule()

    def _give(self, until: float) -> None:
        """Give a turn to the share that is next."""
        account = self._line.pop()
        share = account.line.pop()
        has_more = False
        began = thread_time()  # on a busy machine much more time may pass
        try:
            has_more = share.work(min(until, perf_counter() + TURN_S))
        finally:
            used_s = thread_time() - began
            share.used_s += used_s
            account.used_s += used_s
            if has_more:
                account.line.add(share, continues=True)
            if account.line:
                self._line.add(account, continues=True)


class Cascade:
    """Work of the daemon itself, done in turns, in the order in which it was added."""

    def __init__(self, turns: Turns) -> None:
        self._share = turns.share(0, self._work)
        self._slices: deque[Slices] = deque()

    def add(self, slices: Slices) -> None:
        """Add work."""
        self._slices.append(slices)
        self._share.await_turn()

    def _work(self, until: float) -> bool:
        try:
            for _ in self._slices[0]:
                if perf_counter() >= until:
                    return True
        except Exception:
            log.exception("cascade_failed")
        self._slices.popleft()
        return bool(self._slices)
