"""One function for each request."""

from __future__ import annotations

from luzia_protocol import operating, requests
from luzia_protocol import schedules as of_schedules

from luziad.handlers.answer import answer
from luziad.handlers.base import Handler
from luziad.handlers.changes import cancel, progress, remove, retry, send, update_status
from luziad.handlers.daemon import (
    agents,
    hello,
    info,
    project_add,
    project_remove,
    projects,
    reload,
    shutdown,
)
from luziad.handlers.dispatch.dispatch import dispatch
from luziad.handlers.edit import edit
from luziad.handlers.graph import graph
from luziad.handlers.graph_show import graph_show
from luziad.handlers.holding import hold, release
from luziad.handlers.importing import import_jobs
from luziad.handlers.jobs import list_jobs, status
from luziad.handlers.output import follow, logs
from luziad.handlers.pausing import pause, resume
from luziad.handlers.queues import drain, pause_queue, resume_queue
from luziad.handlers.schedules import (
    schedule_add,
    schedule_list,
    schedule_pause,
    schedule_remove,
    schedule_resume,
    schedule_run,
    schedule_show,
)
from luziad.handlers.subscribe import subscribe
from luziad.handlers.waiting import wait
from luziad.handlers.worktrees import clean

HANDLERS: dict[type, Handler] = {
    requests.Hello: hello,
    requests.Dispatch: dispatch,
    requests.Graph: graph,
    requests.GraphShow: graph_show,
    requests.Edit: edit,
    requests.Status: status,
    requests.List: list_jobs,
    requests.Logs: logs,
    requests.Follow: follow,
    requests.Wait: wait,
    requests.Cancel: cancel,
    requests.Pause: pause,
    requests.Resume: resume,
    operating.Hold: hold,
    operating.Release: release,
    operating.PauseQueue: pause_queue,
    operating.ResumeQueue: resume_queue,
    operating.Drain: drain,
    requests.Retry: retry,
    requests.Send: send,
    requests.Remove: remove,
    requests.Clean: clean,
    requests.Answer: answer,
    requests.Subscribe: subscribe,
    requests.ReportProgress: progress,
    requests.UpdateStatus: update_status,
    requests.Import: import_jobs,
    of_schedules.ScheduleAdd: schedule_add,
    of_schedules.ScheduleList: schedule_list,
    of_schedules.ScheduleShow: schedule_show,
    of_schedules.SchedulePause: schedule_pause,
    of_schedules.ScheduleResume: schedule_resume,
    of_schedules.ScheduleRemove: schedule_remove,
    of_schedules.ScheduleRun: schedule_run,
    requests.Projects: projects,
    requests.ProjectAdd: project_add,
    requests.ProjectRemove: project_remove,
    requests.Agents: agents,
    requests.Reload: reload,
    requests.Info: info,
    requests.Shutdown: shutdown,
}
"""What answers each request: given the services, the request and the call, it returns the answer, or None or an
awaitable when it answers by itself; it raises Refused."""
