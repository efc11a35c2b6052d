"""What the tests of real agents share: which agents, and one that is led to a stub model in a luzia of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agents import programs
from agents.real import RealAgent
from agents.setups import SETUPS
from agents.stub.server import stub_model
from private_luzia import private_luzia

AGENTS = ("claude", "codex", "opencode", "copilot", "qwen", "pi")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which agents are tested."""
    parser.addoption("--agents", default=",".join(AGENTS), help="agents to test, with commas between")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes an `agent` is about each of them, or about what its marker says."""
    if "agent" not in metafunc.fixturenames:
        return
    chosen = metafunc.config.getoption("--agents").split(",")
    only, cases = (metafunc.definition.get_closest_marker(name) for name in ("only", "cases"))
    if cases is not None:
        pairs = [pair for pair in cases.args[0] if pair[0] in chosen]
        metafunc.parametrize(("agent", "scenario"), pairs, indirect=["agent"])
    else:
        names = [name for name in chosen if only is None or name in only.args]
        metafunc.parametrize("agent", names, indirect=True)


def pytest_configure(config: pytest.Config) -> None:
    """Say what the markers mean."""
    config.addinivalue_line("markers", "only(agents…): the test is about these agents and no others")
    config.addinivalue_line("markers", "cases(pairs): the test is about these pairs of an agent and a scenario")
    unknown = set(config.getoption("--agents").split(",")) - SETUPS.keys()
    if unknown:
        raise pytest.UsageError(f"--agents: there is no {', '.join(sorted(unknown))}")


@pytest.fixture
def agent(request: pytest.FixtureRequest) -> Iterator[RealAgent]:
    """A real agent, a stub model and a luzia; nothing of them is left afterwards."""
    name: str = request.param
    try:
        directory = programs.bin_directory(name)
    except programs.CannotInstallError as exc:
        pytest.fail(str(exc), pytrace=False)
    with stub_model() as model, private_luzia() as luzia:
        yield RealAgent(name, directory, luzia, model)
