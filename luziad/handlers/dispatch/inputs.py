"""Validates what users type: tasks and commands, messages, tags and environment variables."""

from __future__ import annotations

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.graphs import NODE_NAME
from luzia_protocol.jobs import MAX_TASK_BYTES
from luzia_protocol.requests import MAX_KEY_CHARS, MAX_MESSAGE_BYTES, MAX_TAG_CHARS, MAX_TAGS, Dispatch

from luziad.agents.base import MAX_ARGUMENT_BYTES
from luziad.jobs.abridging import text_size
from luziad.jobs.ids import JOB_ID
from luziad.operations.program_size import MAX_STRING_BYTES, POINTER_BYTES

_WORK_HINT = 'Write a text for an agent, "task": "fix the tests", or a command, "argv": ["make", "test"].'
TOO_LARGE_HINT = "Write large values to a file, and pass its path."


def validate_work(request: Dispatch) -> None:
    """Require exactly one of a task and a command. Raises Refused."""
    if request.task is None and request.argv is None:
        raise Refused(ErrorCode.INVALID_TASK, "there is neither a `task` nor an `argv`", _WORK_HINT)
    if request.task is not None and request.argv is not None:
        raise Refused(ErrorCode.INVALID_TASK, "there are both a `task` and an `argv`", _WORK_HINT)
    if request.argv is None:
        assert request.task is not None
        validate_task(request.task)
        return
    if not request.argv or not request.argv[0]:
        raise Refused(ErrorCode.INVALID_TASK, "`argv` is empty")
    _validate_text("command", " ".join(request.argv), MAX_TASK_BYTES)
    longest = max(map(text_size, request.argv)) + 1
    if longest > MAX_STRING_BYTES:
        message = f"an argument of the command has {longest} bytes; the system allows {MAX_STRING_BYTES}"
        raise Refused(ErrorCode.TASK_TOO_LARGE, message)


def validate_key(key: str) -> None:
    """Raise Refused for an idempotency key that is too long."""
    if len(key) > MAX_KEY_CHARS:
        raise Refused(ErrorCode.BAD_REQUEST, f"the key has {len(key)} characters; the limit is {MAX_KEY_CHARS}")


def validate_name(name: str) -> str:
    """The name of a job, which may be empty. Raises Refused for one that is invalid, or could be a part of an id."""
    if name and (not NODE_NAME.fullmatch(name) or name.isdigit() or JOB_ID.fullmatch(name)):
        hint = "Use up to 64 letters, digits, '.', '_' and '-', not only digits, and not the form of an id."
        raise Refused(ErrorCode.BAD_REQUEST, f"invalid `name` '{name[:80]}'", hint)
    return name


def validate_task(task: str) -> None:
    """Raise Refused for an empty task, a NUL character, or more than MAX_TASK_BYTES."""
    _validate_text("task", task, MAX_TASK_BYTES)


def validate_system_prompt(text: str, request: Dispatch) -> None:
    """Raise Refused for a NUL character, more than MAX_TASK_BYTES, or a command, which has no agent."""
    if request.argv is not None:
        raise Refused(ErrorCode.INVALID_TASK, "a command has no system prompt")
    _validate_text("system prompt", text, MAX_TASK_BYTES)


def validate_agent_words(name: str, words: str | list[str] | None) -> None:
    """Raise Refused for words that cannot be arguments of an agent: empty, with a NUL character, or too long."""
    words = [words] if isinstance(words, str) else words or []
    if any(not word or "\0" in word for word in words):
        raise Refused(ErrorCode.BAD_REQUEST, f"`{name}` is empty, or contains a NUL character")
    if sum(len(word.encode()) for word in words) > MAX_ARGUMENT_BYTES:
        raise Refused(ErrorCode.BAD_REQUEST, f"`{name}` is longer than {MAX_ARGUMENT_BYTES} bytes")


def validate_message(message: str) -> None:
    """Raise Refused for an empty message, a NUL character, or more than MAX_MESSAGE_BYTES."""
    _validate_text("message", message, MAX_MESSAGE_BYTES, "Write what to tell the agent.")


def validate_tags(tags: dict[str, str]) -> dict[str, str]:
    """The tags of a job. Raises Refused."""
    if len(tags) > MAX_TAGS:
        raise Refused(ErrorCode.BAD_REQUEST, f"too many tags: {len(tags)}; the limit is {MAX_TAGS}")
    for key, value in tags.items():
        if not key or "=" in key or not (key + value).isprintable() or len(key) + len(value) > MAX_TAG_CHARS:
            raise Refused(
                ErrorCode.BAD_REQUEST,
                f"invalid tag '{key[:80]}': a tag has at most {MAX_TAG_CHARS} printable characters, and no '=' in its"
                " key",
            )
    return tags


def validate_variables(variables: dict[str, str]) -> int:
    """The bytes that the variables take in the environment of a program. Raises Refused for what cannot be one."""
    total = 0
    for name, value in variables.items():
        if not name or "=" in name or "\0" in name or "\0" in value:
            # Not the name: someone who forgets NAME= has put the value there.
            raise Refused(
                ErrorCode.BAD_REQUEST, "an environment variable is invalid: its name is empty or contains '=', or NUL"
            )
        size = text_size(name) + text_size(value) + 2
        if size > MAX_STRING_BYTES:
            message = f"an environment variable has {size} bytes; the system allows {MAX_STRING_BYTES}"
            raise Refused(ErrorCode.BAD_REQUEST, message, TOO_LARGE_HINT)
        total += size + POINTER_BYTES
    return total


def _validate_text(what: str, text: str, max_bytes: int, hint: str = "") -> None:
    """Raise Refused for a text that is empty, contains NUL or is too long. hint: what to do about an empty one."""
    if not text or text.isspace():
        raise Refused(ErrorCode.INVALID_TASK, f"the {what} is empty", hint)
    if "\0" in text:
        raise Refused(ErrorCode.INVALID_TASK, f"the {what} contains a NUL character")
    size = text_size(text)
    if size > max_bytes:
        raise Refused(ErrorCode.TASK_TOO_LARGE, f"the {what} has {size} bytes; the limit is {max_bytes}")
