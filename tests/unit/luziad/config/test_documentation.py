"""docs/configuration.md and docs/agents.md keep step with what can be configured."""

from __future__ import annotations

import re
import typing

import msgspec
import pytest

from luziad.agents import registry
from luziad.agents.base import AgentOptions, CommandContext
from luziad.config.check import check_config
from luziad.config.rules import Rule
from luziad.config.schema import (
    AgentConfig,
    CliConfig,
    DaemonConfig,
    JsonlConfig,
    PriceConfig,
    ProjectConfig,
    WorktreeConfig,
)
from support import ROOT

DOCS = ROOT / "docs"
TABLES: dict[str, type[msgspec.Struct]] = {
    "[daemon]": DaemonConfig,
    "[cli]": CliConfig,
    "[prices.MODEL]": PriceConfig,
    "[projects.NAME]": ProjectConfig,
    "[projects.NAME.worktree]": WorktreeConfig,
    "[agents.NAME]": AgentConfig,
    "[agents.NAME.jsonl]": JsonlConfig,
}


def section(page: str, heading: str) -> str:
    """What stands under a heading of the second rank."""
    return (DOCS / page).read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("table", TABLES)
def test_every_setting_has_its_row(table: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \|", section("configuration.md", f"`{table}`"), re.MULTILINE)
    assert rows == [field.name for field in msgspec.structs.fields(TABLES[table])]


@pytest.mark.parametrize("table", TABLES)
def test_every_setting_has_a_rule_that_its_default_keeps(table: str) -> None:
    struct = TABLES[table]
    hints = typing.get_type_hints(struct, include_extras=True)
    for field in msgspec.structs.fields(struct):
        (rule,) = typing.get_args(hints[field.name])[1:]
        assert isinstance(rule, Rule)
        default = field.default
        if default is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        assert default in (None, msgspec.NODEFAULT) or rule.accepts(default), field.name


@pytest.mark.parametrize("page", ["configuration.md", "agents.md", "agent-own.md", "agent-claude.md", "agent-codex.md"])
def test_the_examples_load(page: str) -> None:
    examples = re.findall(r"^```toml\n(.*?)^```$", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)
    assert examples
    for example in examples:
        check_config(page, example)


def test_the_page_about_agents_has_their_commands() -> None:
    context = CommandContext(job="j", attempt=1, task="TASK", directory="DIR", prompt_file="FILE")
    table = section("agents.md", "The built-in agents")
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)` \|.*\| (.*) \|$", table, re.MULTILINE)
    agents = check_config("config.toml", "").agents
    adapters = registry.build(agents)
    assert [name for name, _, _ in rows] == list(adapters)
    for name, command, install in rows:
        options = AgentOptions(permission_mode=agents[name].permission_mode) if name in agents else AgentOptions()
        argv = " ".join(adapters[name].command(msgspec.structs.replace(context, options=options)).argv)
        assert command == re.sub(r"[0-9a-f-]{36}", "UUID", argv)
        assert adapters[name].program is None or install.strip("`") in adapters[name].install_hint


ADAPTERS = registry.build(check_config("config.toml", "").agents)


@pytest.mark.parametrize("name", [name for name in ADAPTERS if name != "shell"])
def test_the_page_of_an_agent_tells_how_a_model_a_mode_and_arguments_are_passed(name: str) -> None:
    adapter, page = ADAPTERS[name], (DOCS / f"agent-{name}.md").read_text()
    context = CommandContext(job="j", attempt=1, task="TASK", directory="DIR", prompt_file="FILE")

    def passed(options: AgentOptions) -> set[str]:
        """The options and variables with these values, by their names."""
        command = adapter.command(msgspec.structs.replace(context, options=options))
        words = [word for word in command.argv if word.startswith("-")]
        return {word.partition("=")[0] for word in words} | set(command.env)

    for way in passed(AgentOptions(model="MODEL")) - passed(AgentOptions()):
        assert f"`{way}" in page, way
    for mode in adapter.permission_modes or ():
        assert f"`{mode}`" in page, mode
    assert adapter.accepts_model
    assert adapter.accepts_args
    assert "args" in page
    assert "(agents.md#model-permission-mode-and-arguments)" in page
