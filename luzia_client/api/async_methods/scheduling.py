"""Requests about schedules, which dispatch jobs again and again."""

from __future__ import annotations

from typing import Unpack

from luzia_protocol import replies, schedules

from luzia_client.api.async_calling import AsyncCalling
from luzia_client.api.requests import DispatchOptions, scheduled_job


class AsyncScheduling(AsyncCalling):
    """Requests about schedules, which dispatch jobs again and again."""

    async def add_schedule(
        self,
        name: str,
        cron: str,
        project: str,
        task: str | None = None,
        *,
        timezone: str | None = None,
        missed: schedules.MissedPolicy = schedules.MissedPolicy.ONCE,
        overlap: schedules.OverlapPolicy = schedules.OverlapPolicy.SKIP,
        replace: bool = False,
        **options: Unpack[DispatchOptions],
    ) -> schedules.Schedule:
        """Dispatch a job at the moments of a cron expression; when this returns the schedule is on disk.

        timezone: None is the zone here. replace: put it in the place of one of that name. The other fields are those of
        a dispatch, without `key` and those that say when it starts.

        Raises Refused: `invalid_cron`, `unknown_timezone`, `schedule_exists`, `schedules_full`, and as a dispatch does.
        """
        request = schedules.ScheduleAdd(
            name=name,
            cron=cron,
            job=scheduled_job(project, task, options),
            timezone=timezone,
            missed=missed,
            overlap=overlap,
            replace=replace,
        )
        return (await self._ask(request, schedules.ScheduleResult)).schedule

    async def list_schedules(self) -> list[schedules.Schedule]:
        """All schedules by name, each with its next run."""
        return (await self._ask(schedules.ScheduleList(), schedules.ScheduleListResult)).schedules

    async def get_schedule(self, name: str, runs: int = schedules.NEXT_RUNS) -> schedules.Schedule:
        """One schedule, with so many runs to come.

        Raises Refused: `unknown_schedule`.
        """
        return (await self._ask(schedules.ScheduleShow(name=name, runs=runs), schedules.ScheduleResult)).schedule

    async def pause_schedule(self, name: str) -> schedules.Schedule:
        """Dispatch nothing of it until it is resumed.

        Raises Refused: `unknown_schedule`.
        """
        return (await self._ask(schedules.SchedulePause(name=name), schedules.ScheduleResult)).schedule

    async def resume_schedule(self, name: str) -> schedules.Schedule:
        """Dispatch again; what came meanwhile is not made up for.

        Raises Refused: `unknown_schedule`.
        """
        return (await self._ask(schedules.ScheduleResume(name=name), schedules.ScheduleResult)).schedule

    async def remove_schedule(self, name: str) -> schedules.Schedule:
        """Forget a schedule, and return what it was; its jobs stay.

        Raises Refused: `unknown_schedule`.
        """
        return (await self._ask(schedules.ScheduleRemove(name=name), schedules.ScheduleResult)).schedule

    async def run_schedule(self, name: str) -> replies.DispatchResult:
        """Dispatch its job now, behind those of it that have not ended.

        Raises Refused: `unknown_schedule`, and what a dispatch does.
        """
        return await self._ask(schedules.ScheduleRun(name=name), replies.DispatchResult)
