"""What each request is answered with: the reply, and what follows it in a stream.

The schemas beside the protocol page have this table for programs.
"""

from __future__ import annotations

from typing import NamedTuple

from luzia_protocol import operations, replies, requests, schedules


class Answer(NamedTuple):
    """reply: the `ok` of the reply. items: for a stream, the frames that may follow, each with one of these."""

    reply: type
    items: tuple[type, ...] = ()


_CHANGE = Answer(replies.JobChange)
_QUEUES = Answer(replies.QueueChange)
_SCHEDULE = Answer(replies.ScheduleResult)

ANSWERS: dict[type, Answer] = {
    requests.Hello: Answer(replies.HelloResult),
    requests.Dispatch: Answer(replies.DispatchResult),
    requests.Again: Answer(replies.DispatchResult),
    requests.Graph: Answer(replies.GraphResult),
    requests.GraphPart: Answer(replies.GraphPartResult),
    requests.GraphShow: Answer(replies.JobGraph),
    requests.Edit: _CHANGE,
    requests.Status: Answer(replies.StatusResult),
    requests.Why: Answer(replies.WhyResult),
    requests.List: Answer(replies.JobPage),
    requests.Search: Answer(replies.SearchPage),
    requests.Spend: Answer(replies.SpendReport),
    requests.PastRaces: Answer(replies.PastRacers),
    requests.SearchRebuild: Answer(replies.SearchRebuilt),
    requests.Logs: Answer(replies.Output),
    requests.Follow: Answer(replies.StreamStart, (replies.OutputFrame, replies.EndFrame)),
    requests.Wait: Answer(replies.WaitResult),
    requests.Cancel: _CHANGE,
    requests.Pause: _CHANGE,
    requests.Resume: _CHANGE,
    operations.Hold: _CHANGE,
    operations.Release: _CHANGE,
    operations.PauseQueue: _QUEUES,
    operations.ResumeQueue: _QUEUES,
    operations.ResumeAgent: _QUEUES,
    operations.Drain: _QUEUES,
    requests.Retry: Answer(replies.RetryResult),
    requests.Send: _CHANGE,
    requests.Attach: Answer(replies.AttachResult),
    requests.Detach: _CHANGE,
    requests.Remove: Answer(replies.RemoveResult),
    requests.Clean: Answer(replies.CleanResult),
    requests.Discard: Answer(replies.DiscardResult),
    requests.RestoreWork: Answer(replies.RestoreResult),
    requests.Accept: _CHANGE,
    requests.Reject: _CHANGE,
    requests.Answer: _CHANGE,
    requests.Subscribe: Answer(
        replies.StreamStart, (replies.EventFrame, replies.PositionFrame, replies.QueuesFrame, replies.LaggedFrame)
    ),
    requests.Unsubscribe: Answer(replies.StreamEnded),
    requests.ReportProgress: _CHANGE,
    requests.UpdateStatus: _CHANGE,
    requests.Import: Answer(replies.ImportResult),
    schedules.ScheduleAdd: _SCHEDULE,
    schedules.ScheduleList: Answer(replies.ScheduleListResult),
    schedules.ScheduleShow: _SCHEDULE,
    schedules.SchedulePause: _SCHEDULE,
    schedules.ScheduleResume: _SCHEDULE,
    schedules.ScheduleRemove: _SCHEDULE,
    schedules.ScheduleRun: Answer(replies.DispatchResult),
    requests.Projects: Answer(replies.ProjectList),
    requests.ProjectAdd: Answer(replies.ProjectList),
    requests.ProjectRemove: Answer(replies.ProjectList),
    requests.Agents: Answer(replies.AgentList),
    requests.Reload: Answer(replies.ReloadResult),
    requests.Info: Answer(replies.DaemonInfo),
    requests.Shutdown: Answer(replies.StopResult),
}
