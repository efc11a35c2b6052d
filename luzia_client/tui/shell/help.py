"""What `help` says at the prompt."""

from __future__ import annotations

from luzia_client.cli.args.command_line import COMMANDS
from luzia_client.cli.args.errors import closest_match

HINT = "Tab completes, `help` explains, Ctrl-D leaves."

HELP = """\
Every luzia command works here, without the word `luzia` before it:

  jobs                           what there is
  logs a2f5 -f                   a job's output, as it comes
  overbits fix the login button  hand a task to a project's agent
  use overbits                   then a line that is no command is a task for
                                 it, when a question is answered with y
  help jobs                      what a command does
  exit                           leave; jobs go on

  Tab            completes commands, options, projects, agents, and jobs by
                 their ids or a word of their tasks
  Ctrl-R, Up     earlier lines; one that begins with a space, or that sets a
                 variable, is not kept
  Alt-Enter      a new line in a task; an open quote goes on in the next line
  Ctrl-X Ctrl-E  write the task in $EDITOR
  Ctrl-C         give the line up, or end the command that runs

Words are quoted as in a shell: "two words", 'two words', don\\'t.

"""


def did_you_mean(word: str) -> str:
    """`; did you mean `jobs`?` for a misspelt command, otherwise nothing."""
    near = closest_match(word, COMMANDS)
    return f" (did you mean `{near}`?)" if near else ""
