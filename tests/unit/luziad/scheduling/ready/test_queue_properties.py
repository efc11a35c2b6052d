"""What holds for every set of jobs, every set of limits and every order of events."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from luziad.jobs.requirements import Wants
from luziad.scheduling.ready.explain import position
from luziad.scheduling.ready.limits import Limits
from luziad.scheduling.ready.queue import ReadyQueue

PROJECTS, AGENTS, RESOURCES = "abc", ("claude", "codex"), ("db", "gpu")

limits = st.builds(
    Limits,
    slots=st.integers(1, 5),
    projects=st.dictionaries(st.sampled_from(PROJECTS), st.integers(1, 3)),
    agents=st.dictionaries(st.sampled_from(AGENTS), st.integers(1, 3)),
    weights=st.dictionaries(st.sampled_from(PROJECTS), st.sampled_from([0.5, 1.0, 2.0])),
    resources=st.fixed_dictionaries({"gpu": st.integers(2, 4), "db": st.just(1)}),
    starvation_after_s=st.sampled_from([5.0, 1e9]),
)
needs = st.dictionaries(st.sampled_from(RESOURCES), st.integers(1, 2)).map(
    lambda each: tuple(sorted((name, 1 if name == "db" else count) for name, count in each.items()))
)
wants = st.builds(
    Wants,
    project=st.sampled_from(PROJECTS),
    agent=st.sampled_from(AGENTS),
    priority=st.sampled_from([0, 0, 0, 5, -5]),
    needs=needs,
)


class Step(NamedTuple):
    """do: what happens. which: to which of the jobs that it can happen to. wants, limits, paused: what is new."""

    do: str
    which: int
    wants: Wants
    limits: Limits
    paused: frozenset[str] = frozenset()


steps = st.lists(
    st.builds(
        Step,
        do=st.sampled_from(
            ["push"] * 5 + ["release"] * 4 + ["discard", "priority", "undo", "limits", "pause", "pause", "take"]
        ),
        which=st.integers(0, 1000),
        wants=wants,
        limits=limits,
        paused=st.frozensets(st.sampled_from(PROJECTS)),
    ),
    max_size=60,
)


class Model:
    """Keeps account of what waits and runs beside the queue, in the plainest way, and checks it after each step."""

    def __init__(self, first: Limits) -> None:
        self.limits = first
        self.queue = ReadyQueue(first)
        self.waiting: dict[str, Wants] = {}
        self.running: dict[str, Wants] = {}
        self.paused: frozenset[str] = frozenset()
        self.now = 0.0
        self._count = 0

    def take(self, step: Step) -> None:
        """Let something happen, and start what can start."""
        self.now += 1.0
        pool = self.waiting if step.do in ("discard", "priority", "take") else self.running
        job = sorted(pool)[step.which % len(pool)] if pool else None
        if step.do == "push":
            self._count += 1
            self.waiting[f"j{self._count:03}"] = step.wants
            self.queue.push(f"j{self._count:03}", step.wants)
        elif step.do == "limits":
            self.limits = step.limits
            self.queue.set_limits(step.limits)
        elif step.do == "pause":
            self.paused = step.paused
            self.queue.pause(step.paused)
        elif job is not None:
            self._change(step, job)
        self.pump(over=step.do == "limits" or self._over())

    def _change(self, step: Step, job: str) -> None:
        if step.do == "discard":
            del self.waiting[job]
            self.queue.discard(job)
        elif step.do == "priority":
            self.waiting[job] = msgspec.structs.replace(self.waiting[job], priority=step.wants.priority)
            self.queue.reprioritise(job, step.wants.priority)
        elif step.do == "take":
            fits = not self._exceeded([*self.running.values(), self.waiting[job]], self.waiting[job])
            assert self.queue.take(job) == fits, "it starts out of its turn if it fits"
            if fits:
                self.running[job] = self.waiting.pop(job)
        elif step.do == "release":
            del self.running[job]
            self.queue.release(job)
        else:
            self.waiting[job] = self.running.pop(job)
            self.queue.undo(job)
            self.queue.push_front(job, self.waiting[job])

    def pump(self, *, over: bool) -> None:
        """Start all that starts; check the choice, the limits, and that nothing is left that could start."""
        while True:
            startable = self.startable()
            job = self.queue.pop(self.now)
            if job is None:
                break
            assert job in startable, "only what fits starts"
            reserved = self.queue.reserved
            if self.limits.starvation_after_s > 1e6:
                self._is_the_best(job, startable)
            assert reserved is None or reserved.job in self.waiting
            self.running[job] = self.waiting.pop(job)
        assert self.queue.waiting.keys() == self.waiting.keys()
        assert self.queue.held.keys() == self.running.keys()
        if self.queue.reserved is None:
            assert not startable, "nothing is left that could start"
        else:
            assert not any(self._shares_nothing(job, self.queue.reserved.job) for job in startable)
        if not over:
            assert not self._over()

    def startable(self) -> list[str]:
        """The jobs that fit now, and of whose project something may start."""
        return [
            job
            for job, each in self.waiting.items()
            if each.project not in self.paused and not self._exceeded([*self.running.values(), each], each)
        ]

    def _over(self) -> bool:
        return self._exceeded([*self.running.values()])

    def _exceeded(self, together: list[Wants], of: Wants | None = None) -> bool:
        """Whether a limit is exceeded; of: one that this one counts against, for others may be lower now."""
        limits = self.limits
        projects = Counter(each.project for each in together)
        agents = Counter(each.agent for each in together)
        taken: Counter[str] = Counter()
        for each in together:
            taken.update(dict(each.needs))
        return (
            len(together) > limits.slots
            or any(
                count > limits.projects.get(name, count)
                for name, count in projects.items()
                if of is None or name == of.project
            )
            or any(
                count > limits.agents.get(name, count)
                for name, count in agents.items()
                if of is None or name == of.agent
            )
            or any(
                count > limits.resources.get(name, 0)
                for name, count in taken.items()
                if of is None or name in dict(of.needs)
            )
        )

    def _is_the_best(self, job: str, startable: list[str]) -> None:
        """Nothing that fits is more urgent, nor of a project with a smaller share, nor older in the same project."""
        chosen = self.waiting[job]
        alike = [each for each in startable if self.waiting[each].priority >= chosen.priority]
        assert all(self.waiting[each].priority == chosen.priority for each in alike)
        assert all(self._share(self.waiting[each].project) >= self._share(chosen.project) for each in alike)

    def _share(self, project: str) -> float:
        running = sum(each.project == project for each in self.running.values())
        return running / self.limits.weights.get(project, 1.0)

    def _shares_nothing(self, job: str, reserved: str) -> bool:
        """Whether two jobs have no lane with a limit in common, so that neither can be in the other's way."""
        one, other = self.waiting[job], self.waiting[reserved]
        return job != reserved and not _lanes(one, self.limits) & _lanes(other, self.limits)


def _lanes(each: Wants, limits: Limits) -> set[object]:
    own = {("project", each.project)} if each.project in limits.projects else set()
    own |= {("agent", each.agent)} if each.agent in limits.agents else set()
    return own | {name for name, _ in each.needs}


@settings(max_examples=150, deadline=None)
@given(limits, steps)
def test_limits_hold_the_order_holds_and_nothing_that_could_start_is_left(first: Limits, events: list[Step]) -> None:
    model = Model(first)
    for step in events:
        model.take(step)
        for entry in model.queue.waiting.values():
            assert 1 <= position(model.queue, entry) <= len(model.waiting)


@settings(max_examples=150, deadline=None)
@given(limits, steps)
def test_everything_ends_when_what_runs_ends(first: Limits, events: list[Step]) -> None:
    model = Model(first)
    for step in events:
        model.take(step)
    kept = {job for job, each in model.waiting.items() if each.project in model.paused}
    while model.running:
        model.take(Step("release", 0, Wants("a", "claude"), first))
    assert kept <= model.waiting.keys(), "nothing of a paused project has started"
    model.take(Step("pause", 0, Wants("a", "claude"), first))
    while model.running:
        model.take(Step("release", 0, Wants("a", "claude"), first))
    assert all(model._exceeded([each]) for each in model.waiting.values()), "only what never fits is left"
    for job in [*model.waiting]:
        del model.waiting[job]
        model.queue.discard(job)
    assert not model.queue.running
    assert not model.queue.projects
    assert not model.queue._lineup.shapes
    assert model.queue.reserved is None


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 4), st.integers(5, 40), st.data())
def test_a_batch_delays_another_projects_job_by_one_end_at_most(slots: int, batch: int, data: st.DataObject) -> None:
    weights = data.draw(st.dictionaries(st.sampled_from("ab"), st.sampled_from([0.25, 1.0, 3.0])))
    queue = ReadyQueue(Limits(slots, weights=weights))
    for number in range(batch):
        queue.push(f"a{number}", Wants("a", "shell"))
    running: list[str] = []
    for _ in range(data.draw(st.integers(0, batch - slots - 1)) if batch > slots else 0):
        while (job := queue.pop(0.0)) is not None:
            running.append(job)
        queue.release(running.pop(data.draw(st.integers(0, len(running) - 1))))
    while (job := queue.pop(0.0)) is not None:
        running.append(job)
    queue.push("b", Wants("b", "shell"))
    if len(running) == slots:
        queue.release(running[0])
    assert queue.pop(0.0) == "b"
