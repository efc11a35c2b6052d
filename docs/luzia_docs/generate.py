"""Writes docs/errors.md and the generated part of docs/architecture.md. `make generate` runs it.

The errors come from the protocol's catalogue, the exit codes from the client's table, and the diagram of a
job's life from the daemon's table of transitions.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from pathlib import Path

from luzia_protocol.errors import CATALOGUE
from luzia_protocol.jobs import FINAL_STATES, JobState

from luzia_client.cli import exit_codes
from luziad.jobs.lifecycle import TRANSITIONS, Trigger

DIRECTORY = Path(__file__).parents[1]
BEGIN, END = "<!-- generated: the job's life -->", "<!-- /generated -->"

ERRORS = """\
# Errors

<!-- Generated from luzia_protocol/errors.py and luzia_client/cli/exit_codes.py by `make generate`. -->

Every luzia command says on stderr what is wrong, and what to do about it. On the wire the same comes as
`{{"error": {{"code": .., "message": .., "hint": ..}}}}`. The code is for programs and never changes its
meaning; the message tells what is wrong this time.

## Error codes

{codes}

## Exit status of `luzia`

```text
{exit_codes}
```
"""


def errors_page() -> str:
    """The whole of errors.md."""
    codes = "\n\n".join(
        f"### `{code}`\n\n{error.meaning}\n\n**Remedy:** {error.remedy}" for code, error in CATALOGUE.items()
    )
    table = inspect.cleandoc(exit_codes.__doc__ or "").partition("\n\n")[2]
    return ERRORS.format(codes=codes, exit_codes=inspect.cleandoc(table))


def life() -> str:
    """A diagram and a table of TRANSITIONS. States that end alike are in one box, and so are final ones."""
    alike = [state for state in JobState if endings(state) == endings(JobState.RUNNING)]
    together = {trigger for trigger in Trigger if all((state, trigger) in TRANSITIONS for state in alike)}
    edges: dict[tuple[str, str], list[str]] = {}
    for (state, trigger), target in TRANSITIONS.items():
        source = "under_way" if state in alike and trigger in together else box(state)
        labels = edges.setdefault((source, box(target)), [])
        if trigger not in labels:
            labels.append(trigger)
    lines = [
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> queued: dispatch",
        *composite("under_way", "under way", alike),
        *composite("final", "final", [state for state in JobState if state.is_final]),
        *(f"    {source} --> {target}: {', '.join(labels)}" for (source, target), labels in edges.items()),
        "```",
        "",
        "| state | what can happen, and the state after it |",
        "|---|---|",
        *(f"| `{state}` | {moves(state)} |" for state in JobState),
    ]
    return "\n".join(lines)


def endings(state: JobState) -> set[Trigger]:
    """What can end a job in this state."""
    return {trigger for (source, trigger), to in TRANSITIONS.items() if source is state and to.is_final}


def box(state: JobState) -> str:
    """The diagram's box that an edge ends at."""
    return "final" if state in FINAL_STATES else state.value


def composite(name: str, title: str, states: Sequence[JobState]) -> list[str]:
    """The lines of a box of several states."""
    return [f'    state "{title}" as {name} {{', *(f"        {state}" for state in states), "    }"]


def moves(state: JobState) -> str:
    """One state's row of the table."""
    after = {trigger.value: to.value for (source, trigger), to in TRANSITIONS.items() if source is state}
    return ", ".join(f"`{to}`" if trigger == to else f"{trigger} → `{to}`" for trigger, to in after.items())


def architecture_page(page: str) -> str:
    """architecture.md with its generated part renewed."""
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    return pattern.sub(lambda _: f"{BEGIN}\n{life()}\n{END}", page, count=1)


if __name__ == "__main__":
    (DIRECTORY / "errors.md").write_text(errors_page())
    architecture = DIRECTORY / "architecture.md"
    architecture.write_text(architecture_page(architecture.read_text()))
