"""The table of handlers: the function that serves each request."""

from __future__ import annotations

from luzia_protocol import operations, requests
from luzia_protocol import schedules as schedule_requests

from luziad.handlers import (
    daemon,
    dispatch_job,
    edit,
    events,
    graph,
    job_control,
    jobs,
    output,
    progress,
    queues,
    schedules,
    wait,
)
from luziad.handlers.services import Handler

HANDLERS: dict[type, Handler] = {
    requests.Hello: daemon.hello,
    requests.Dispatch: dispatch_job.dispatch,
    requests.Graph: graph.graph,
    requests.GraphShow: graph.graph_show,
    requests.Edit: edit.edit,
    requests.Status: jobs.status,
    requests.List: jobs.list_jobs,
    requests.Logs: output.logs,
    requests.Follow: output.follow,
    requests.Wait: wait.wait,
    requests.Cancel: job_control.cancel,
    requests.Pause: job_control.pause,
    requests.Resume: job_control.resume,
    operations.Hold: job_control.hold,
    operations.Release: job_control.release,
    operations.PauseQueue: queues.pause_queue,
    operations.ResumeQueue: queues.resume_queue,
    operations.ResumeAgent: queues.resume_agent,
    operations.Drain: queues.drain,
    requests.Retry: job_control.retry,
    requests.Send: job_control.send,
    requests.Remove: job_control.remove,
    requests.Clean: job_control.clean,
    requests.Discard: job_control.discard,
    requests.RestoreWork: job_control.restore_work,
    requests.Answer: job_control.answer,
    requests.Subscribe: events.subscribe,
    requests.ReportProgress: progress.report_progress,
    requests.UpdateStatus: progress.update_status,
    requests.Import: daemon.import_jobs,
    schedule_requests.ScheduleAdd: schedules.schedule_add,
    schedule_requests.ScheduleList: schedules.schedule_list,
    schedule_requests.ScheduleShow: schedules.schedule_show,
    schedule_requests.SchedulePause: schedules.schedule_pause,
    schedule_requests.ScheduleResume: schedules.schedule_resume,
    schedule_requests.ScheduleRemove: schedules.schedule_remove,
    schedule_requests.ScheduleRun: schedules.schedule_run,
    requests.Projects: daemon.projects,
    requests.ProjectAdd: daemon.project_add,
    requests.ProjectRemove: daemon.project_remove,
    requests.Agents: daemon.agents,
    requests.Reload: daemon.reload,
    requests.Info: daemon.info,
    requests.Shutdown: daemon.shutdown,
}
