"""What `luzia_client` offers: everything that a user needs, loaded when it is used, and nothing else."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys

import pytest

from luzia_protocol.errors import ErrorCode, LuziaError

import luzia_client
from luzia_client import (
    ArgumentError,
    ClientStateError,
    ConnectionLostError,
    DaemonUnreachableError,
    Refused,
    SettingsError,
    UnexpectedAnswerError,
)

ERRORS: list[LuziaError] = [
    Refused(ErrorCode.UNKNOWN_JOB, "no job x"),
    DaemonUnreachableError("nobody is there", "Start it."),
    ConnectionLostError("it went away", "Look."),
    UnexpectedAnswerError("what is this"),
    SettingsError("LUZIA_CACHE_TTL='x'", "Unset it."),
    ArgumentError("argv is a single string", "Pass a list."),
    ClientStateError("the client has been closed", "Create another one."),
]


def test_every_public_name_is_there_and_none_is_private() -> None:
    assert dir(luzia_client) == sorted(luzia_client.__all__)
    for name in luzia_client.__all__:
        assert not name.startswith("_") or name == "__version__"
        assert getattr(luzia_client, name)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = luzia_client.no_such_name


def test_the_package_itself_loads_nothing() -> None:
    script = "import sys; before = set(sys.modules); import luzia_client; print(*set(sys.modules) - before)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert set(loaded.split()) == {"luzia_client", "__future__"}


def test_the_blocking_client_does_not_load_asyncio() -> None:
    script = "import sys; from luzia_client import Client; print('asyncio' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert loaded == "False\n"


def test_every_public_class_says_what_it_is() -> None:
    for name in luzia_client.__all__:
        value = getattr(luzia_client, name)
        if inspect.isclass(value):
            assert value.__doc__, name


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_every_error_has_a_code_a_message_and_a_hint_also_in_another_process(error: LuziaError) -> None:
    retry = pickle.loads(pickle.dumps(error))
    assert type(retry) is type(error)
    assert (retry.code, retry.message, retry.hint) == (error.code, error.message, error.hint)
    assert str(error) == error.message
    assert all((error.code, error.message, error.hint))


def test_the_codes_tell_the_errors_apart() -> None:
    assert len({error.code for error in ERRORS}) == len(ERRORS)
