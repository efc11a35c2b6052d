"""In which project an agent's job runs."""

from __future__ import annotations

import pytest

from luzia_protocol.errors import Refused

from luzia_client.api.async_caller import AsyncCaller
from luzia_client.mcp.hub.session import Introduction, Session


def project(given: str | None, own: str = "", directory: str = "") -> str:
    caller = Introduction("relay", project=own, directory=directory)
    return Session(caller, AsyncCaller("/none", False, 0.0)).project(given)


def test_without_a_name_it_is_that_of_the_own_job_or_the_directory() -> None:
    assert project(None, own="overbits", directory="/work") == "overbits"
    assert project(None, directory="/work") == "/work"


def test_a_path_is_relative_to_the_directory_and_a_name_is_not() -> None:
    assert project("./sub", directory="/work") == "/work/sub"
    assert project("/else", directory="/work") == "/else"
    assert project("overbits", directory="/work") == "overbits"


def test_an_agent_whose_directory_is_not_known_has_to_name_one() -> None:
    with pytest.raises(Refused, match="no project is named") as refused:
        project(None)
    assert refused.value.hint == "Name a project or the path of a directory in `project`."
