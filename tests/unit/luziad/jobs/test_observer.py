"""Observers hear of what happens to jobs in the order in which they were added, and only of what they override."""

from __future__ import annotations

import inspect

from luziad.jobs.observer import Hook, JobObserver, Observers
from luziad.jobs.record import JobRecord, JobSpec, JobStatus

RECORD = JobRecord(
    1, "113754-a2f5", JobSpec(project="overbits", directory="/", agent="shell", created_at=0.0), JobStatus()
)


class Named(JobObserver):
    """Notes under its name that a job has ended."""

    def __init__(self, name: str, seen: list[str]) -> None:
        self.name = name
        self.seen = seen

    def job_ended(self, record: JobRecord) -> None:
        self.seen.append(f"{self.name} {record.id}")


class Deaf(JobObserver):
    """Overrides nothing."""


def test_a_hook_calls_those_that_override_it_in_the_order_in_which_they_were_added() -> None:
    seen: list[str] = []
    observers = Observers()
    call_later = observers.job_ended  # parts get a hook before the observers are known
    observers.add(Named("first", seen), Deaf(), Named("second", seen))
    observers.add(Named("third", seen))
    call_later(RECORD)
    observers.job_queued(RECORD)
    assert seen == ["first 113754-a2f5", "second 113754-a2f5", "third 113754-a2f5"]


def test_a_hook_that_an_observer_does_not_override_costs_nothing() -> None:
    observers = Observers()
    observers.add(Deaf(), Named("only", []))
    hooks = {name: hook for name, hook in vars(observers).items() if isinstance(hook, Hook)}
    assert {name for name, hook in hooks.items() if hook._methods} == {"job_ended"}


def test_there_is_a_hook_for_each_method_of_an_observer_and_each_says_when_it_is_called() -> None:
    methods = dict(inspect.getmembers(JobObserver, inspect.isfunction))
    hooks = {name for name, hook in vars(Observers()).items() if isinstance(hook, Hook)}
    assert hooks == {name for name in methods if not name.startswith("_")}
    assert all(inspect.getdoc(method) for method in methods.values())


def test_all_observers_are_known_in_their_order() -> None:
    first, second = Deaf(), Deaf()
    observers = Observers()
    observers.add(first, second)
    assert list(observers) == [first, second]
