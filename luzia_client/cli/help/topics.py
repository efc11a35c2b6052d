"""The topics of `luzia help TOPIC`. The manual is made from them as well."""

from __future__ import annotations

_IDS = """\
A job's id looks like 113754-a2f5: the time of its dispatch, and four digits at
random. Wherever an ID is asked for, each of these will do:

  113754-a2f5                   the id
  113754, a2f5                  the beginning or end, when no other fits
  agent:overbits:113754-a2f5    the name that a dispatch prints
  @last                         the job that you dispatched last

What fits several jobs is refused, and they are listed. An id is never given
again while anything of its job is remembered.
"""

_STATES = """\
A job is in one of these states. Live:

  queued       waits for its start; `luzia jobs ID` says what for
  starting     its agent is being started
  running      its agent works
  paused       nothing of it runs until `luzia resume`
  waiting      its agent asks something: see `luzia jobs --waiting`
  stopping     it is being ended, with all its processes

Final:

  completed    done, and verified as far as the agent tells
  failed       the agent failed, or could not be started
  cancelled    somebody ended it
  timed_out    it took too long, or gave no sign of life for too long
  skipped      what it was to come after did not end as it must
  lost         nobody can know how it ended

`luzia jobs --state running,failed` keeps only these. A final job stays final
until `luzia retry`.
"""

_PROJECTS = """\
A project is a directory with a name and settings:

  luzia projects add overbits ~/src/overbits --agent claude
  luzia overbits "fix the login button"

A directory works without being added: `luzia . TASK`, `luzia ~/src/x TASK`.
What has a slash in it, begins with ~, or is . or .. is a directory; all else
is a name. For a project that is named like a command say `luzia dispatch NAME
TASK`.

The settings, agent, limits, variables and retries among them, stand in
config.toml; `luzia daemon status` names it, and `luzia daemon reload` applies
its changes.
"""

_AGENTS = """\
An agent is the program that does a job's task: claude, codex, opencode, vibe,
gemini, shell (the task is a shell command), or one of your own from
config.toml.

  luzia agents                        which there are, and which are installed
  luzia --agent codex . "fix it"      for this job
  luzia projects add x ~/x --agent a  for a project

Nobody named one: the project's, else the daemon's, else the first that is
installed, and never shell. What does not start is told by `luzia doctor`.
"""

_SELECTION = """\
`cancel`, `pause`, `resume`, `hold`, `release`, `retry`, `remove` and `logs`
take ids, or words that select:

  --project P          jobs of this project
  --state S[,S]        jobs in these states
  --tag KEY=VALUE      jobs with this tag, as `luzia --tag` has given it
  --all                all for which it is possible

What is given together must all hold; --project and --state may be repeated,
and then one of them must hold. What changes jobs tells what is selected, and
asks before it does anything; -y or --yes answers. `luzia jobs` takes the same
words and shows what they select.

`luzia pause` and `luzia resume` with --project or --all alone mean the queue,
too: nothing of it starts until it is resumed.
"""

_FORMATS = """\
Every command that prints takes --json: one object a line, as the protocol has
it.

  luzia jobs --json | jq -r 'select(.state == "failed").id'

`luzia jobs --format COLUMN,…` prints columns that you choose. On a terminal
they stand below a heading and are for people. On a pipe there is no heading, a
TAB between two columns, and values are for programs: moments in RFC 3339, spans
in seconds, nothing for what nobody knows. The columns:

{columns}

`luzia jobs --sort KEY` orders them: moments and quantities from the largest,
words from the first, and what nobody knows last; -r or --reverse turns it
round. The keys:

{keys}
"""

_ENVIRONMENT = """\
What the commands read:

  LUZIA_SOCKET            the daemon's socket
  LUZIA_RUNTIME_DIR       the directory of the socket and the lock
  LUZIA_STATE_DIR         the job store, its snapshots and the log
  LUZIA_CONFIG            the configuration file
  LUZIA_NO_AUTOSTART      set to anything: commands start no daemon
  LUZIA_MONITOR_INTERVAL  seconds after which a live screen counts times on
  LUZIA_CACHE_TTL         seconds for which the Python API answers from memory
  LUZIA_DEBUG             set to anything: failures show where they happened
  NO_COLOR                set to anything: no colour
  TERM                    dumb: no colour, and nothing is redrawn

What a job gets: the variables that a shell needs, those of --env and of the
configuration, and LUZIA_JOB_ID, LUZIA_PROJECT, LUZIA_ATTEMPT,
LUZIA_ATTEMPT_DIR and LUZIA_SOCKET. No value of a variable is ever shown.
"""

_EXIT_CODES = """\
The exit status of every command:

{table}

`luzia wait ID` ends with that of the job; of several jobs it is the worst.
"""

_ORDER = """\
Of the jobs that fit, this one starts next: the highest --priority (-100 to
100, normally 0), then the project with the fewest running, by its weight, then
the oldest.

A job fits when there is a free slot of everything that limits it: max_running
of the daemon, of its project and of its agent; the resources of --needs,
--cpus and --memory. One that does not fit never holds up one that does.

  luzia --priority 10 overbits "mend the build"
  luzia --needs gpu=1 overbits "train it again"
  luzia --after @last overbits "and now the tests"

`luzia jobs ID` says what a queued job waits for, and its place. `luzia hold`
keeps it from starting; `luzia drain` and `luzia pause --all` keep all.
"""

_RETRIES = """\
A failed attempt is tried again when the dispatch or the configuration says so:

  luzia --retries 3 overbits "make the flaky test pass"
  luzia --retries 3 --retry-on failed,lost --backoff 2s..5m overbits "fix it"

The wait before a retry is drawn at random, up to the shorter span first, up to
twice as long each time, never longer than the longer span. A usage limit of
the agent's account is no failure: the job waits for its end and goes on, and
no retry is spent.

`luzia retry ID` runs a final job again by hand, or now what waits for its
retry.
"""

_TIME = """\
A span of time is seconds, or numbers with units: 90, 0.5, 250ms, 10m, 1h30m,
2d, 1w.

A moment is a time of day, a date, or both, here or with an offset: 23:30,
2027-01-31, 2027-01-31T09:00, 2027-01-31T09:00+02:00. `--at 09:00` is the next
time that it is nine.

`luzia jobs --since` takes a span that ends now, or a moment: 2h, 09:00 (the
last time that it was nine), 2026-11-24.

Moments are shown as they are here; with --json they carry their offset.

`luzia schedule add NAME --cron "0 3 * * 1-5" …` dispatches again and again, in
the time zone of here or the one that --timezone names.
"""

_TEXTS = {
    "ids": ("how jobs are named", _IDS),
    "states": ("what can become of a job", _STATES),
    "projects": ("named directories, and others", _PROJECTS),
    "agents": ("what does the task", _AGENTS),
    "selection": ("many jobs at once", _SELECTION),
    "formats": ("JSON, columns and orders, for scripts", _FORMATS),
    "environment": ("the variables that count", _ENVIRONMENT),
    "exit-codes": ("what a command's exit status tells", _EXIT_CODES),
    "order": ("which job starts next", _ORDER),
    "retries": ("what is tried again", _RETRIES),
    "time": ("spans and moments", _TIME),
}

WIDTH = 80
"""Columns that a text of help may take."""

TITLES = {name: title for name, (title, _) in _TEXTS.items()}
"""The topics with what the list says of each."""


def topic_text(name: str) -> str:
    """The text of a topic; its tables come from where they are used."""
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
