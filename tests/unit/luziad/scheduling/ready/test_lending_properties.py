"""What holds for all trees of jobs that dispatch jobs and wait for them, whatever the limits and the events."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from luziad.jobs.requirements import Wants
from luziad.scheduling.ready.explain import why, why_not_back
from luziad.scheduling.ready.limits import Limits
from luziad.scheduling.ready.queue import ReadyQueue

PROJECTS, AGENTS = "ab", ("claude", "shell")
MAX_DEPTH = 3

limits = st.builds(
    Limits,
    slots=st.integers(1, 4),
    projects=st.dictionaries(st.sampled_from(PROJECTS), st.integers(1, 2)),
    agents=st.dictionaries(st.sampled_from(AGENTS), st.integers(1, 2)),
    resources=st.fixed_dictionaries({"cpus": st.just(400), "memory": st.just(16), "db": st.just(1)}),
    starvation_after_s=st.sampled_from([3.0, 1e9]),
)


class Step(NamedTuple):
    """do: what happens. which: to which of the jobs that it can happen to. The rest is of a job that is dispatched."""

    do: str
    which: int
    project: str
    agent: str
    priority: int
    machine: tuple[tuple[str, int], ...]
    lock: bool


steps = st.lists(
    st.builds(
        Step,
        do=st.sampled_from(
            ["dispatch"] * 3 + ["child"] * 5 + ["wait"] * 4 + ["end"] * 3 + ["cancel", "hang up", "again"]
        ),
        which=st.integers(0, 1000),
        project=st.sampled_from(PROJECTS),
        agent=st.sampled_from(AGENTS),
        priority=st.sampled_from([0, 0, 5]),
        machine=st.sampled_from([(), (), (("cpus", 200),), (("cpus", 400), ("memory", 8))]),
        lock=st.booleans(),
    ),
    max_size=60,
)


class Tree:
    """Jobs that do what jobs do, over a queue. Nobody waits for one that needs a lock which it has itself."""

    def __init__(self, first: Limits) -> None:
        self.limits = first
        self.queue = ReadyQueue(first)
        self.wants: dict[str, Wants] = {}
        self.parents: dict[str, str] = {}
        self.running: list[str] = []
        self.waiting: dict[str, set[str]] = {}  # jobs that have lent their slots, and for whom they wait
        self.now = 0.0
        self.rude = False  # a job ran on although nobody had given it its slot
        self._count = 0

    def take(self, step: Step) -> None:
        """Let something happen, if it can, and everything that follows from it."""
        self.now += 1.0
        pool = self.running
        if step.do in ("hang up", "again", "cancel"):
            pool = [*(self.wants if step.do == "cancel" else self.waiting)]
        if step.do == "dispatch":
            self._dispatch(step, None)
        elif pool:
            job = sorted(pool)[step.which % len(pool)]
            if step.do == "child":
                self._dispatch(step, job)
            elif step.do == "wait":
                self._wait(job)
            elif step.do == "end":
                self.end(job)
            elif step.do == "cancel":
                self._cancel(job)
            elif step.do == "hang up":
                self._hang_up(job)
            elif self._below(job):
                self._wait_anew(job)
        self.pump()

    def _dispatch(self, step: Step, parent: str | None) -> None:
        depth = 0 if parent is None else self.wants[parent].depth + 1
        if depth > MAX_DEPTH:
            return
        self._count += 1
        job = f"j{self._count:03}"
        lock = step.lock and not any(dict(self.wants[each].needs).get("db") for each in self._above(parent))
        needs = (*step.machine, *((("db", 1),) if lock else ()))
        self.wants[job] = Wants(step.project, step.agent, step.priority, tuple(sorted(needs)), depth)
        if parent is not None:
            self.parents[job] = parent
        self.queue.push(job, self.wants[job])

    def _above(self, job: str | None) -> list[str]:
        above = []
        while job is not None and job in self.wants:
            above.append(job)
            job = self.parents.get(job)
        return above

    def _below(self, job: str) -> set[str]:
        return {child for child, parent in self.parents.items() if parent == job and child in self.wants}

    def _wait(self, job: str) -> None:
        if below := self._below(job):
            self.running.remove(job)
            self.waiting[job] = below
            self.queue.lend(job)

    def _wait_anew(self, job: str) -> None:
        """Another of its processes begins to wait, when the first one may have been about to go on."""
        self.waiting[job] |= self._below(job)
        if job in self.queue.reclaiming:
            self.queue.cancel_reclaim(job)

    def _hang_up(self, job: str) -> None:
        """The process that waits is killed, and its job runs on at once."""
        del self.waiting[job]
        self.running.append(job)
        self.queue.take_back(job)
        self.rude = True

    def end(self, job: str) -> None:
        if job in self.running:
            self.running.remove(job)
            self.queue.release(job)
        elif self.waiting.pop(job, None) is not None:
            self.queue.release(job)
        else:
            self.queue.discard(job)
        del self.wants[job]
        for waiter, left in self.waiting.items():
            left.discard(job)
            if not left and waiter not in self.queue.reclaiming:
                self.queue.reclaim(waiter)

    def _cancel(self, job: str) -> None:
        for child in sorted(self._below(job)):
            self._cancel(child)
        self.end(job)

    def pump(self) -> None:
        """Give back what is asked for, start what can start, and check the limits."""
        for job in self.queue.take_back_free():
            assert not self.waiting.pop(job), "nobody runs on before those that it waits for have ended"
            self.running.append(job)
        while (started := self.queue.pop(self.now)) is not None:
            self.running.append(started)
        assert sorted(self.queue.held) == sorted(self.running)
        assert self.queue.lent.keys() == self.waiting.keys()
        if self.rude:
            self.rude = self.exceeded()
        else:
            assert not self.exceeded()
        for job in self.queue.waiting:
            why(self.queue, job, whole=True)
        for job in self.queue.reclaiming:
            assert why_not_back(self.queue, job).startswith("waiting to get its slot ")

    def exceeded(self) -> bool:
        """Whether more runs than the limits allow, by an account of its own; who waits still has its lock."""
        together = [self.wants[job] for job in self.running]
        projects, agents = Counter(each.project for each in together), Counter(each.agent for each in together)
        taken: Counter[str] = Counter()
        for each in together:
            taken.update(dict(each.needs))
        taken["db"] += sum(dict(self.wants[job].needs).get("db", 0) for job in self.waiting)
        return (
            len(together) > self.limits.slots
            or any(count > self.limits.projects.get(str(name), count) for name, count in projects.items())
            or any(count > self.limits.agents.get(str(name), count) for name, count in agents.items())
            or any(count > self.limits.resources.get(name, count) for name, count in taken.items())
        )


@settings(max_examples=300, deadline=None)
@given(limits, steps)
def test_limits_hold_while_jobs_wait_for_their_sub_jobs_and_everything_ends(first: Limits, events: list[Step]) -> None:
    tree = Tree(first)
    for step in events:
        tree.take(step)
    while tree.wants:
        assert tree.running, "no deadlock"
        tree._wait(tree.running[0]) if tree._below(tree.running[0]) else tree.end(tree.running[0])
        tree.pump()
    assert not tree.queue.running
    assert not tree.queue.projects
    assert not tree.queue._lineup.shapes
    assert not any(lane.used or lane.reserved for lane in tree.queue._lineup.lanes)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 5))
def test_parents_on_all_slots_that_wait_for_theirs_never_deadlock(slots: int, fan: int, more: int) -> None:
    """However deep: each job dispatches some and waits; and no more parents begin than there are slots."""
    tree = Tree(Limits(slots))
    plain = Step("", 0, "a", "shell", 0, (), False)
    for _ in range(slots + more):
        tree._dispatch(plain, None)
    tree.pump()
    parents: set[str] = set()
    while tree.wants:
        assert tree.running, "no deadlock"
        job = tree.running[0]
        if job in parents or tree.wants[job].depth == MAX_DEPTH:
            tree.end(job)
        else:
            parents.add(job)
            for _ in range(fan):
                tree._dispatch(plain, job)
            tree._wait(job)
        tree.pump()
        tops = [each for each in (*tree.running, *tree.waiting) if not tree.wants[each].depth]
        assert len(tops) <= slots, "what was begun goes before what was not"
