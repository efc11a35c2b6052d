"""The help at the prompt, and a hint for misspelt commands."""

from __future__ import annotations

from luzia_client.cli.args.command_line import COMMANDS
from luzia_client.cli.args.errors import closest_match

HINT = "Tab completes, `help` shows the keys and commands, Ctrl-D exits."

HELP = """\
Enter luzia commands without the leading `luzia`:

  jobs                           list jobs
  logs a2f5 -f                   follow the output of a job
  overbits fix the login button  dispatch a task to a project's agent
  use overbits                   set the current project: a line that is not a
                                 command becomes a task for it, after
                                 confirmation
  help jobs                      describe a command
  exit                           exit; running jobs continue

  Tab            complete commands, options, projects, agents, and jobs by id
                 or by a word of the task
  Ctrl-R, Up     search the history; a line that starts with a space or sets
                 a variable is not saved
  Alt-Enter      insert a line break in a task; an open quote continues on
                 the next line
  Ctrl-X Ctrl-E  edit the task in $EDITOR
  Ctrl-C         discard the line, or interrupt the running command

Quote words as in a shell: "two words", 'two words', don\\'t.

"""


def did_you_mean(word: str) -> str:
    """` (did you mean `jobs`?)` for a misspelt command, otherwise empty."""
    near = closest_match(word, COMMANDS)
    return f" (did you mean `{near}`?)" if near else ""
