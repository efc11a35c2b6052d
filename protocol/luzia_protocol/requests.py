"""What a client may ask: one struct for each op. A change here is a change of the protocol: see version.py.

Every request may carry `id`, a number or a string of the client's choice, which comes back in the answer.
"""

from __future__ import annotations

from typing import Literal

from luzia_protocol.base import Base
from luzia_protocol.dispatch import Dispatch as Dispatch
from luzia_protocol.jobs import Job, JobState
from luzia_protocol.operating import Hold, Release


class Hello(Base, tag="hello"):
    """Agree on a protocol version; optional. Answered by replies.Hello or `unsupported_version`."""

    version: int = 1
    client: str | None = None


class Node(Dispatch, tag="dispatch"):
    """A job of a graph: a dispatch with a name. Without one its number in the graph, from 1, is its name.

    `after`, `after_any` and `after_fail` name jobs of the graph, and of the others that there are.
    """

    name: str = ""


class Graph(Base, tag="graph"):
    """Accept all of these jobs or none, in one commit. Answered by replies.Graphed.

    jobs: 1 to MAX_GRAPH_JOBS. key: the same key returns the same jobs. client_env: for every job, see Dispatch.
    """

    jobs: list[Node]
    key: str | None = None
    client_env: dict[str, str] = {}


class GraphShow(Base, tag="graph_show"):
    """The jobs that come before and after a job, however far, at most MAX_PAGE. Answered by replies.GraphShown."""

    job: str


class Edit(Base, tag="edit"):
    """Change a queued job; what is None stays. Answered by replies.Changed.

    The fields are those of Dispatch; an empty list takes away what the job comes after in that way.
    """

    job: str
    task: str | None = None
    priority: int | None = None
    after: list[str] | None = None
    after_any: list[str] | None = None
    after_fail: list[str] | None = None


class Status(Base, tag="status"):
    """Everything about one job. Answered by replies.Status."""

    job: str


class List(Base, tag="list"):
    """Jobs, newest first, a page at a time. Answered by replies.Listed.

    projects, states: keep only these; empty keeps all. tags: keep only jobs that have all of these.
    limit: jobs in a page, 1 to MAX_PAGE.
    cursor: the `next` of the page before.
    """

    projects: list[str] = []
    states: list[JobState] = []
    limit: int = 50
    cursor: int | None = None
    tags: dict[str, str] = {}


class Logs(Base, tag="logs"):
    """A piece of an attempt's output. Answered by replies.Output.

    attempt: None is the newest.
    offset: where to begin, in bytes; ignored when `tail` is given.
    tail: begin at the last so many lines instead.
    max_bytes: at most so much, 1 to MAX_OUTPUT_BYTES.
    encoding: `text` replaces what is not UTF-8, `base64` is exact.
    render: `text` or `colour` asks for a transcript of an agent's stdout, where there is one: the answer says so.
    """

    job: str
    attempt: int | None = None
    stream: Literal["stdout", "stderr"] = "stdout"
    offset: int = 0
    tail: int | None = None
    max_bytes: int = 256 * 1024
    encoding: Literal["text", "base64"] = "text"
    render: Literal["none", "text", "colour"] = "none"


class Follow(Base, tag="follow"):
    """Stream an attempt's output until the attempt ends. Items are replies.Output, the end replies.FollowEnd.

    With `attempt` None it follows the newest attempt, or the first one when none has started yet.
    The other fields are those of Logs.
    """

    job: str
    attempt: int | None = None
    stream: Literal["stdout", "stderr"] = "stdout"
    offset: int = 0
    tail: int | None = None
    encoding: Literal["text", "base64"] = "text"
    render: Literal["none", "text", "colour"] = "none"


class Wait(Base, tag="wait"):
    """Answer, out of order, when all of the jobs are final or `timeout_s` is over. See replies.Waited."""

    jobs: list[str]
    timeout_s: float | None = None


class Cancel(Base, tag="cancel"):
    """End a job: TERM, grace, KILL for its whole process tree. Answered at once by replies.Changed."""

    job: str


class Pause(Base, tag="pause"):
    """Let nothing of a running job run until it is resumed. It keeps its slot. Answered by replies.Changed."""

    job: str


class Resume(Base, tag="resume"):
    """Let a paused job run on. Answered by replies.Changed."""

    job: str


class Retry(Base, tag="retry"):
    """Queue a final job again for its next attempt, or let a queued one start now. Answered by replies.Changed.

    fresh: run the task from the start, also where the agent could go on with its session.
    """

    job: str
    fresh: bool = False


class Send(Base, tag="send"):
    """Say something more in the job's conversation, when its attempt has ended. Answered by replies.Changed."""

    job: str
    message: str


class Remove(Base, tag="remove"):
    """Forget a final job: its record and its directory. Answered by replies.Changed.

    A job with a worktree is cleaned first, out of order; `worktree_kept` when work would be lost.
    """

    job: str


class Clean(Base, tag="clean"):
    """Delete a final job's worktree and its branch, if nothing would be lost. See replies.Cleaned; out of order.

    dry_run: only say what would become of it.
    """

    job: str
    dry_run: bool = False


class Answer(Base, tag="answer"):
    """Answer what the agent of a job in `waiting` asks. Answered by replies.Changed when the agent has it.

    words: `allow`, or `deny` with what to tell the agent, for a permission; for a question one text for each of its
    parts, of which a number stands for the option of that number, or `deny`.
    question: the question's id; None is the one that was asked first.
    """

    job: str
    words: list[str]
    question: str | None = None


class Subscribe(Base, tag="subscribe"):
    """Stream events: those after `after` first, then live ones. Items are events, the end is `lagged`.

    after: the last seq that the caller has seen; None begins with what happens next.
    jobs, projects, kinds: keep only these; empty keeps all.
    """

    after: int | None = None
    jobs: list[str] = []
    projects: list[str] = []
    kinds: list[str] = []


class ReportProgress(Base, tag="progress"):
    """Tell how far a running job is, mostly from inside it. Answered by replies.Changed.

    percent is short for done=percent, total=100.
    """

    job: str
    percent: float | None = None
    done: float | None = None
    total: float | None = None
    label: str | None = None
    phase: str | None = None


class UpdateStatus(Base, tag="update_status"):
    """The older name of `progress`, with the older words for its fields."""

    job: str
    progress: float | None = None
    message: str | None = None


class Import(Base, tag="import"):
    """Take in jobs of another luzia as its `status` shows them. Answered by replies.Imported.

    jobs: at most MAX_IMPORT_JOBS. What is there already stays as it is; one that is not final becomes `lost`.
    """

    jobs: list[Job]


class Projects(Base, tag="projects"):
    """The configured projects. Answered by replies.Projects."""


class ProjectAdd(Base, tag="project_add"):
    """Write a project into the configuration file and apply it. Answered by replies.Projects."""

    name: str
    path: str
    agent: str | None = None


class ProjectRemove(Base, tag="project_remove"):
    """Take a project out of the configuration file; its jobs stay. Answered by replies.Projects."""

    name: str


class Agents(Base, tag="agents"):
    """The agents that the daemon knows. Answered by replies.Agents."""


class Reload(Base, tag="reload"):
    """Read the configuration again; a broken file is refused whole. Answered by replies.Reloaded."""


class Info(Base, tag="info"):
    """What the daemon is and how it does. Answered by replies.Info."""


class Shutdown(Base, tag="shutdown"):
    """End the daemon and leave running agents alone. Answered by replies.Stopping."""


Request = (
    Hello
    | Dispatch
    | Graph
    | GraphShow
    | Edit
    | Status
    | List
    | Logs
    | Follow
    | Wait
    | Cancel
    | Pause
    | Resume
    | Hold
    | Release
    | Retry
    | Send
    | Remove
    | Clean
    | Answer
    | Subscribe
    | ReportProgress
    | UpdateStatus
    | Import
    | Projects
    | ProjectAdd
    | ProjectRemove
    | Agents
    | Reload
    | Info
    | Shutdown
)

MAX_MESSAGE_BYTES = 64 * 1024
MAX_PAGE = 1000
MAX_IMPORT_JOBS = 100
MAX_OUTPUT_BYTES = 1024 * 1024
MAX_WAIT_JOBS = 10_000
MAX_PARENTS = 1000
MAX_TAGS = 16
MAX_TAG_CHARS = 200
MAX_GRAPH_JOBS = 10_000
