"""The topics of `luzia help TOPIC`. The manual is generated from them as well."""

from __future__ import annotations

_IDS = """\
A job's id looks like 113754-a2f5: the time of its dispatch and four random hex
digits. Wherever an ID is expected, you can write:

  113754-a2f5                   the id
  113754, a2f5                  the beginning or the end of it, if unique
  agent:overbits:113754-a2f5    the name that a dispatch prints
  nightly-build                 the name from --name or a graph; of several jobs
                                the unfinished one, else the newest
  @last                         the job that you dispatched last
  @running                      your newest job that has started and not ended
  @failed                       your newest job that failed, timed out or was
                                lost
  @last~1, @failed~2            the second newest job, the third newest failed
                                one

If several jobs match, the command fails and lists them. An id is not reused
while any record of its job exists.
"""

_STATES = """\
A job is in one of these states. Live:

  queued       waits to start; `luzia jobs ID` shows the reason
  starting     its agent is being started
  running      its agent is running
  paused       its processes are suspended until `luzia resume`
  waiting      its agent waits for an answer; see `luzia jobs --waiting`
  stopping     its processes are being terminated

Final (a job in one of these states is called finished):

  completed    its agent succeeded, as far as its output and exit status show
  failed       the agent failed or could not be started
  cancelled    it was cancelled
  timed_out    it exceeded a time limit, did not start in time, or showed no
               activity for too long
  skipped      a job that it depends on did not end as required
  lost         its result cannot be determined

`luzia jobs --state running,failed` lists only jobs in these states. Only
`luzia retry`, `luzia send` and `luzia attach` change the state of a finished
job.
"""

_PROJECTS = """\
A project is a directory with a name and settings:

  luzia projects add overbits ~/src/overbits --agent claude
  luzia overbits "fix the login button"

A directory works without being added: `luzia . TASK`, `luzia ~/src/x TASK`.
A word that contains a slash, begins with ~, or is . or .. is a directory; any
other word is a name. If the name of a project is also that of a command, or
another name of a command, such as ls or rm, use `luzia dispatch NAME TASK`.

The settings of a project, such as its agent, limits, variables and retries, are
in config.toml. `luzia daemon status` shows the path of this file, and `luzia
daemon reload` applies changes to it.
"""

_AGENTS = """\
An agent is the program that runs a task: claude, codex, opencode, vibe, gemini,
copilot, qwen, pi, shell (the task is a shell command), or an agent of your own
from config.toml.

  luzia agents                        list the agents and their versions
  luzia --agent codex . "fix it"      choose the agent of a job
  luzia projects add x ~/x --agent a  choose the agent of a project

Without --agent, a job gets the agent of its project, else the default agent of
the configuration, else the first of claude, codex, opencode, vibe and gemini
that is installed. `luzia doctor` reports agents that do not start.
"""

_SELECTION = """\
`cancel`, `pause`, `resume`, `hold`, `release`, `retry`, `remove` and `logs`
take IDs, or options that select jobs:

  --project P          the jobs of a project
  --state S[,S]        the jobs in these states
  --tag KEY=VALUE      the jobs with this tag, set by `luzia --tag`
  --all                all jobs

A job is selected if it matches every kind of option that is given; of several
--project or --state options, it need match only one. A command that changes
jobs shows how many it selected and asks for confirmation; -y or --yes skips the
question. `luzia jobs` takes the same options and lists the selection.

`luzia pause` and `luzia resume` with only --project or --all also apply to the
queue: while it is paused, no more of its jobs start.
"""

_FORMATS = """\
Most commands accept --json: one object per line, in the format of the protocol.

  luzia jobs --json | jq -r 'select(.state == "failed").id'

`luzia jobs --format COLUMN,…` prints the chosen columns. On a terminal they
have a heading and are formatted for reading. When the output is piped, there is
no heading, columns are separated by tabs, times are in RFC 3339, durations in
seconds, and unknown values are empty. The columns:

{columns}

`luzia jobs --sort KEY` sorts by times and quantities in descending order, by
text in ascending order, with unknown values last; -r or --reverse reverses the
order. `turn`, the default, is the order in which jobs need attention: jobs that
need an answer, running jobs, queued jobs in the order in which they will start,
then those that ended most recently. The keys:

{keys}
"""

_ENVIRONMENT = """\
Variables that the commands read:

  LUZIA_SOCKET            the daemon's socket
  LUZIA_RUNTIME_DIR       the directory of the socket and the lock
  LUZIA_STATE_DIR         the directory of the job store, snapshots and log
  LUZIA_CONFIG            the configuration file
  LUZIA_HOST              the host whose daemon is used, as with --host
  LUZIA_NO_AUTOSTART      if set, commands do not start the daemon
  LUZIA_MONITOR_INTERVAL  seconds between updates of times on live screens
  LUZIA_CACHE_TTL         seconds for which the Python API caches replies
  LUZIA_PAGER, PAGER      the pager of `luzia jobs --pager`
  LUZIA_WATCH             default options of `luzia jobs --watch`
  VISUAL, EDITOR          the editor
  LUZIA_DEBUG             if set, errors include a traceback
  NO_COLOR                if set, output has no colour
  TERM                    if `dumb`, output has no colour and is not redrawn

A job's environment contains basic variables such as PATH and HOME, the
variables set with --env and in the configuration, and LUZIA_JOB_ID,
LUZIA_PROJECT, LUZIA_ATTEMPT, LUZIA_ATTEMPT_DIR, LUZIA_SOCKET and TRACEPARENT.
Values of variables are never shown, except the PATH in `luzia agents` and
`luzia doctor`.
"""

_EXIT_CODES = """\
The exit status of every command:

{table}

`luzia wait` exits with the status of the job, or with the most severe one of
several jobs (from the least severe: completed, skipped, cancelled, timed out,
failed, lost); so do `luzia logs --follow` and `luzia follow`. The manual page
of each command lists its statuses: `man luzia-wait`.

With --json, an error is one line of JSON on stderr:

  {{"error": {{"code": "unknown_job", "message": "…", "hint": "…", "status": 4}}}}

`code` is that of the daemon's error, or usage, unreachable, refused,
input_output or internal_error; `status` is the exit status.
"""

_ORDER = """\
The next job to start is chosen among those that can start: first by --priority
(-100 to 100, the highest first; by default that of the parent of a sub-job, of
the project, or 0), then by project (the one with the
fewest running jobs in proportion to its weight first), then by age (the oldest
first).

A job can start if every limit that applies to it leaves a free slot
(max_running of the daemon, of its project and of its agent), and if the
resources that it reserves with --needs, --cpus and --memory are available. A
job that cannot start does not block others, until it has been passed over for a
long time (starvation_after_s): then what it needs is reserved for it.

  luzia --priority 10 overbits "repair the build"
  luzia --needs gpu=1 overbits "train the model"
  luzia --after @last overbits "run the tests"

`luzia jobs ID` shows what a queued job waits for, and its position; `luzia why
ID` shows every condition for its start, and when it is expected to start.
`luzia hold` keeps a job from starting; `luzia drain` and `luzia pause --all`
keep all jobs from starting.
"""

_RETRIES = """\
A failed attempt is retried if the dispatch or the configuration requests it:

  luzia --retries 3 overbits "make the flaky test pass"
  luzia --retries 3 --retry-on failed,lost --backoff 2s..5m overbits "fix it"

If the model's server was overloaded, the attempt is retried up to 8 times even
if neither requests it.

The delay before each retry is random. Its maximum is the first duration of
--backoff for the first retry; it doubles with each further retry, up to the
second duration.

A usage limit of the agent's account is not a failure by default: the job waits
until the limit resets and then continues, which does not count as a retry. With
--no-auto-resume, or `auto_resume = false` in the configuration, it fails.

`luzia retry ID` starts another attempt of a finished job, or starts a pending
retry now.
"""

_TIME = """\
A duration (SPAN) is a number of seconds, or numbers with units: 90, 0.5, 250ms,
10m, 1h30m, 2d, 1w, `2 hours`.

A TIME is a time of day, a day, or both, in local time or with an offset: 23:30,
9am, noon, midnight, tomorrow, `tomorrow 9am`, `noon tomorrow`, `mon 18:00`,
`in 2h`, 2027-01-31, 2027-01-31T09:00, 2027-01-31T09:00+02:00. `--at 09:00` is
the next 09:00, and `--at mon` the next Monday at 00:00. `tonight`, `next fri`,
`last mon` and `tomorrow midnight` are refused: people do not agree on the hour
or the day that they mean. The error says what to write.

`luzia jobs --since` takes a duration before now, or a time in the past: 2h,
`2 days ago`, 09:00 (the last 09:00), yesterday, `mon 18:00`, 2026-11-24.

Times are shown in local time; with --json they include their offset. Lists show
how long ago they are, `luzia jobs ID` the exact times.

`luzia schedule add NAME --cron "0 3 * * 1-5" …` dispatches jobs on a schedule,
in the local time zone or in that of --timezone. `--every 10m` is a shorthand
for the corresponding cron expression, `*/10 * * * *`. The INTERVAL of
--every is a number of minutes that divides an hour (up to 30m), a number of
hours that divides a day (up to 12h), 1d, 1w, or days with a time of day: `day
9am`, `weekday 9am`, `mon 18:00`.
"""

_PROTOCOL = """\
Programs in any language talk to the daemon over its socket, in lines of JSON:

  {"op": "dispatch", "project": "overbits", "task": "fix the login button"}

The protocol page describes all requests, replies and events with examples. The
schemas beside it are JSON Schema, one file each for requests, replies and
events; operations.json names the schemas of each op. All of them are installed
with luzia, in the places shown below. `luzia daemon status` shows the path of
the socket.
"""

_TEXTS = {
    "ids": ("how to refer to jobs", _IDS),
    "states": ("the states of a job", _STATES),
    "projects": ("named projects and directories", _PROJECTS),
    "agents": ("the programs that run tasks", _AGENTS),
    "selection": ("how to select many jobs", _SELECTION),
    "formats": ("JSON, columns and sort keys for scripts", _FORMATS),
    "environment": ("environment variables", _ENVIRONMENT),
    "exit-codes": ("the exit status of commands", _EXIT_CODES),
    "order": ("which job starts next", _ORDER),
    "retries": ("which failures are retried, and when", _RETRIES),
    "time": ("formats of durations and times", _TIME),
    "protocol": ("the socket, for programs in any language", _PROTOCOL),
}

WIDTH = 80
"""The maximum width of help texts."""

TITLES = {name: title for name, (title, _) in _TEXTS.items()}
"""Topic -> its title."""


def topic_text(name: str) -> str:
    """The text of a topic. Its tables come from the code that uses them."""
    text = _TEXTS[name][1]
    if name == "exit-codes":
        from luzia_client.cli import exit_codes

        return text.format(table=_indented((exit_codes.__doc__ or "").partition("\n\n")[2].strip()))
    if name == "formats":
        from textwrap import fill

        from luzia_protocol.states import SORT_KEYS

        from luzia_client.cli.show.columns import COLUMNS

        columns = "\n".join(f"{column:<12} {each.help}" for column, each in COLUMNS.items())
        return text.format(columns=_indented(columns), keys=_indented(fill(", ".join(SORT_KEYS), 76)))
    return text


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
