"""What a user may choose of an agent: which of it the agent supports, and which choice applies. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from luziad.agents.base import Adapter, AgentOptions

NONE = AgentOptions()


class Choice(Protocol):
    """What has the fields of AgentOptions: a dispatch, a project, or the table of an agent."""

    @property
    def model(self) -> str | None: ...
    @property
    def permission_mode(self) -> str | None: ...
    @property
    def args(self) -> Sequence[str]: ...


def is_empty(choice: Choice) -> bool:
    """Whether nothing is chosen, as in most dispatches."""
    return choice.model is None and choice.permission_mode is None and not choice.args


def find_unsupported(choice: Choice, adapter: Adapter) -> dict[str, str]:
    """What the agent does not support, by the field, each with the sentence that says so."""
    if is_empty(choice):
        return {}
    who = "a command" if adapter.program is None and adapter.name == "argv" else f"agent {adapter.name}"
    mode, modes = choice.permission_mode, adapter.permission_modes
    found = {}
    if choice.model is not None and not adapter.accepts_model:
        found["model"] = f"{who} has no option for a model"
    if mode is not None and modes is not None and mode not in modes:
        known = f" '{mode}', only {', '.join(modes)}" if modes else "s"
        found["permission_mode"] = f"{who} has no permission mode{known}"
    if choice.args and not adapter.accepts_args:
        found["args"] = f"{who} accepts no more arguments"
    return found


def keep_supported(choice: Choice, adapter: Adapter) -> AgentOptions:
    """The part of a choice that the agent supports."""
    wrong = find_unsupported(choice, adapter)
    return AgentOptions(
        model=None if "model" in wrong else choice.model,
        permission_mode=None if "permission_mode" in wrong else choice.permission_mode,
        args=[] if "args" in wrong else list(choice.args),
    )


def combine(*choices: Choice) -> AgentOptions:
    """The options that apply: of each the last that is chosen, and the arguments of all, in this order."""
    model = permission_mode = None
    args: list[str] = []
    for choice in choices:
        model = choice.model or model
        permission_mode = choice.permission_mode or permission_mode
        args += choice.args
    return AgentOptions(model, permission_mode, args)
