"""Generates docs/errors.md and parts of docs/architecture.md, docs/review.md and docs/top.md. Run by `make generate`.

The errors are read from the protocol's ErrorCode, the exit codes from the client's table, and the lifecycle and the
observers from the daemon.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from luzia_protocol.errors import REMEDIES, ErrorCode
from luzia_protocol.jobs import FINAL_STATES, JobState

from luzia_client.cli import exit_codes
from luzia_client.tui.review.keys import KEYS as REVIEW_KEYS
from luzia_client.tui.top.keys import KEYS as TOP_KEYS
from luziad.app import App
from luziad.jobs.lifecycle import TRANSITIONS, Trigger
from luziad.jobs.observer import JobObserver

DIRECTORY = Path(__file__).parents[1]
BEGIN, END = "<!-- generated: {} -->", "<!-- /generated -->"

ERRORS = """\
# Errors

<!-- Generated from luzia_protocol/errors.py and luzia_client/cli/exit_codes.py by `make generate`. -->

If a luzia command fails, it prints on stderr what is wrong and what to do. The protocol transmits the same as
`{{"error": {{"code": .., "message": .., "hint": ..}}}}`. The code is for programs and its meaning never changes;
the message describes the specific error.

## Error codes

{codes}

## Exit status of `luzia`

```text
{exit_codes}
```
"""


def errors_page() -> str:
    """The content of errors.md."""
    meanings = error_meanings()
    codes = "\n\n".join(f"### `{code}`\n\n{meanings[code]}\n\n**Remedy:** {REMEDIES[code]}" for code in ErrorCode)
    table = inspect.cleandoc(exit_codes.__doc__ or "").partition("\n\n")[2]
    return ERRORS.format(codes=codes, exit_codes=inspect.cleandoc(table))


def error_meanings() -> dict[str, str]:
    """The docstring of each error code."""
    (definition,) = ast.parse(inspect.getsource(ErrorCode)).body
    assert isinstance(definition, ast.ClassDef)
    return {
        ast.literal_eval(code.value): ast.literal_eval(meaning.value)
        for code, meaning in pairwise(definition.body)
        if isinstance(code, ast.Assign) and isinstance(meaning, ast.Expr)
    }


def lifecycle() -> str:
    """TRANSITIONS as a diagram and a table. States with the same ends are drawn in one box, and so are final states."""
    in_progress = [state for state in JobState if final_triggers(state) == final_triggers(JobState.RUNNING)]
    shared = {trigger for trigger in Trigger if all((state, trigger) in TRANSITIONS for state in in_progress)}
    edges: dict[tuple[str, str], list[str]] = {}
    for (state, trigger), target in TRANSITIONS.items():
        source = "in_progress" if state in in_progress and trigger in shared else node_of(state)
        labels = edges.setdefault((source, node_of(target)), [])
        if trigger not in labels:
            labels.append(trigger)
    lines = [
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> queued: dispatch",
        *composite_node("in_progress", "in progress", in_progress),
        *composite_node("final", "final", [state for state in JobState if state.is_final]),
        *(f"    {source} --> {target}: {', '.join(labels)}" for (source, target), labels in edges.items()),
        "```",
        "",
        "| state | triggers and next states |",
        "|---|---|",
        *(f"| `{state}` | {format_transitions(state)} |" for state in JobState),
    ]
    return "\n".join(lines)


def final_triggers(state: JobState) -> set[Trigger]:
    """The triggers that end a job in this state."""
    return {trigger for (source, trigger), to in TRANSITIONS.items() if source is state and to.is_final}


def node_of(state: JobState) -> str:
    """The node of the diagram that contains the state."""
    return "final" if state in FINAL_STATES else state.value


def composite_node(name: str, title: str, states: Sequence[JobState]) -> list[str]:
    """The lines of a node that contains several states."""
    return [f'    state "{title}" as {name} {{', *(f"        {state}" for state in states), "    }"]


def format_transitions(state: JobState) -> str:
    """The transitions of a state as a cell of the table."""
    after = {trigger.value: to.value for (source, trigger), to in TRANSITIONS.items() if source is state}
    return ", ".join(f"`{to}`" if trigger == to else f"{trigger} → `{to}`" for trigger, to in after.items())


def hooks() -> str:
    """The hooks of JobObserver as a table."""
    methods = [(name, method) for name, method in vars(JobObserver).items() if inspect.isfunction(method)]
    rows = [f"| `{name}` | {' '.join(inspect.cleandoc(method.__doc__ or '').split())} |" for name, method in methods]
    return "\n".join(["| hook | is called when |", "|---|---|", *rows])


def observers() -> str:
    """The list of observers in luziad/app.py."""
    return f"```python\n{textwrap.dedent(inspect.getsource(App._observers_in_order))}```"


PARTS = {
    "architecture.md": {"the job's life": lifecycle, "the hooks": hooks, "the order of the observers": observers},
    "review.md": {"keys": REVIEW_KEYS.format_tables},
    "top.md": {"keys": TOP_KEYS.format_tables},
}
"""Pages, the names of their generated parts, and what generates them."""


def updated_page(name: str, page: str) -> str:
    """The page with its generated parts updated."""
    for part, generate in PARTS[name].items():
        begin = BEGIN.format(part)
        pattern = re.compile(re.escape(begin) + ".*?" + re.escape(END), re.DOTALL)
        page, count = pattern.subn(f"{begin}\n{generate()}\n{END}".replace("\\", r"\\"), page)
        assert count == 1, part
    return page


if __name__ == "__main__":
    (DIRECTORY / "errors.md").write_text(errors_page())
    for name in PARTS:
        path = DIRECTORY / name
        path.write_text(updated_page(name, path.read_text()))
