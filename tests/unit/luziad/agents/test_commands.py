"""Adapters build commands that give the agent exactly the task."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from luzia_protocol.errors import ErrorCode, Refused
from luzia_protocol.jobs import Outcome

from luziad.agents import registry
from luziad.agents.base import Adapter, AgentOptions, CommandContext
from luziad.agents.claude import ClaudeReader
from luziad.agents.options import combine, find_unsupported
from luziad.config.schema import AgentConfig
from luziad.config.shipped_agents import load_shipped
from unit.luziad.agents.recordings import exited

ODD_TASKS = ["-x; echo no", "--help", "-", "{prompt_file} {task}", "ünïcode\nand lines", "$(id) `id` 'q' \"q\""]


def context(task: str = "fix it", directory: str = "/project") -> CommandContext:
    """A context with a prompt file beside the project."""
    return CommandContext(job="113754-a2f5", attempt=1, task=task, directory=directory, prompt_file="/jobs/prompt")


def run(adapter: Adapter, given: CommandContext) -> subprocess.CompletedProcess[str]:
    """Run the command of an adapter."""
    command = adapter.command(given)
    return subprocess.run(
        command.argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.mark.parametrize("agent", registry.PREFERENCE)
@pytest.mark.parametrize("task", ODD_TASKS)
def test_known_agents_get_the_task_on_stdin_and_never_as_an_argument(agent: str, task: str) -> None:
    command = registry.BUILT_IN[agent].command(context(task))
    assert command.stdin_prompt
    assert task not in command.argv or task == "-"
    assert command.argv[0] == registry.BUILT_IN[agent].program


def test_claude_has_a_session_id_of_its_own_for_each_attempt() -> None:
    def session(job: str, attempt: int) -> str:
        given = CommandContext(job=job, attempt=attempt, task="t", directory="/p", prompt_file="/f")
        return registry.BUILT_IN["claude"].command(given).argv[-1]

    assert session("a", 1).startswith("--session-id=")
    assert session("a", 1) == session("a", 1)
    assert len({session("a", 1), session("a", 2), session("b", 1)}) == 3


def test_claude_adds_a_text_to_its_system_prompt_whatever_it_begins_with() -> None:
    given = msgspec.structs.replace(context(), system_prompt="--help\nuse tabs")
    assert "--append-system-prompt=--help\nuse tabs" in registry.BUILT_IN["claude"].command(given).argv
    assert not any("system-prompt" in word for word in registry.BUILT_IN["claude"].command(context()).argv)


def test_agents_get_the_variables_that_make_them_honest() -> None:
    assert registry.BUILT_IN["claude"].command(context()).env == {"CLAUDE_CODE_ENABLE_TODO_TOOLS": "1"}
    assert registry.BUILT_IN["gemini"].command(context()).env == {"GEMINI_CLI_NO_RELAUNCH": "true"}


def test_the_shell_runs_the_task_as_a_command_line() -> None:
    ran = run(registry.BUILT_IN["shell"], context("echo one; echo two >&2; exit 3"))
    assert (ran.stdout, ran.returncode) == ("one\ntwo\n", 3)


@pytest.mark.parametrize("shell", ["/bin/sh", "dash", "bash"])
def test_a_shell_task_that_begins_with_a_dash_is_still_a_command_line(shell: str) -> None:
    argv = registry.BUILT_IN["shell"].command(context("-x 2>/dev/null; echo ran")).argv
    assert subprocess.run([shell, *argv[1:]], capture_output=True, text=True).stdout == "ran\n"


def test_a_shell_task_too_long_for_an_argument_runs_from_its_file(tmp_path: Path) -> None:
    task = f"# {'x' * 1_000_000}\necho ran"
    file = tmp_path / "prompt"
    file.write_text(task)
    given = CommandContext(job="j", attempt=1, task=task, directory="/", prompt_file=str(file))
    assert run(registry.BUILT_IN["shell"], given).stdout == "ran\n"


def test_the_shell_is_judged_by_its_exit_code() -> None:
    shell = registry.BUILT_IN["shell"]
    assert not shell.reads_output
    assert shell.command(context()).merge_stderr
    assert shell.reader().verdict(exited(0), b"").outcome is Outcome.COMPLETED
    assert shell.reader().verdict(exited(2), b"").reason == "exit code 2"
    assert shell.reader().verdict(exited(-9), b"").reason == "killed by SIGKILL"
    assert shell.reader().feed(b"{}") is None


def test_an_exact_command_is_left_as_it_is() -> None:
    argv = ["printf", "%s|", "$HOME", "{task}", "-n", ""]
    given = CommandContext(job="j", attempt=1, task="", directory="/", prompt_file="/f", argv=argv)
    assert registry.RUN_ADAPTER.command(given).argv == argv
    assert run(registry.RUN_ADAPTER, given).stdout == "$HOME|{task}|-n||"
    with pytest.raises(ValueError, match="no argv"):
        registry.RUN_ADAPTER.command(context())


@pytest.mark.parametrize("task", ODD_TASKS)
def test_placeholders_are_replaced_once_and_the_task_is_never_read_as_one(task: str) -> None:
    words = ["printf", "%s|", "--say={task}", "{directory}:{prompt_file}", "{{task}}", '{"a": {"b": 1}}']
    adapter = registry.build({"mine": AgentConfig(command=words)})["mine"]
    assert run(adapter, context(task)).stdout == f'--say={task}|/project:/jobs/prompt|{{task}}|{{"a": {{"b": 1}}}}|'


def test_a_configured_agent_has_what_its_table_says() -> None:
    table = AgentConfig(command=["mine"], prompt="stdin", env={"A": "1"}, merge_stderr=True)
    adapter = registry.build({"mine": table})["mine"]
    command = adapter.command(context())
    assert (command.argv, command.env, command.stdin_prompt, command.merge_stderr) == (
        ["mine"],
        {"A": "1"},
        True,
        True,
    )
    assert (adapter.program, adapter.reads_output) == ("mine", False)
    assert adapter.reader().verdict(exited(0), b"").outcome is Outcome.COMPLETED


@pytest.mark.parametrize(("word", "program"), [("mine", "mine"), ("/x/mine", "/x/mine"), ("./mine", None)])
def test_a_program_in_the_jobs_directory_is_not_looked_for_elsewhere(word: str, program: str | None) -> None:
    tables = {"mine": AgentConfig(command=[word, "{task}"]), "its": AgentConfig(command=["{directory}/x", "{task}"])}
    assert registry.build(tables)["mine"].program == program
    assert registry.build(tables)["its"].program is None


def test_the_output_of_a_configured_agent_is_read_as_its_table_says() -> None:
    def reader(name: str, said: str | None) -> object:
        table = AgentConfig(command=["x", "{task}"], reader=said)
        return registry.build({name: table})[name].reader

    assert reader("claude", None) is ClaudeReader
    assert reader("bold", "claude") is ClaudeReader
    assert reader("claude", "none") is registry.RUN_ADAPTER.reader
    assert reader("bold", None) is registry.RUN_ADAPTER.reader


def choose(
    requested: str | None = None,
    project: str | None = None,
    default: str | None = None,
    *,
    installed: tuple[str, ...] = ("codex", "gemini", "mine"),
) -> str:
    """The name of the agent that is chosen where these programs are installed."""
    adapters = registry.build({"mine": AgentConfig(command=["mine", "{task}"])})
    found = {program: f"/bin/{program}" for program in installed}
    return registry.choose(requested, project, default, adapters, lambda adapter: found.get(adapter.program or "")).name


def test_the_nearest_wish_decides_on_the_agent() -> None:
    assert choose("codex", "gemini", "mine") == "codex"
    assert choose(None, "gemini", "mine") == "gemini"
    assert choose(None, None, "mine") == "mine"
    assert choose() == "codex"
    assert choose(installed=("gemini", "codex", "claude")) == "claude"
    assert choose("shell", installed=()) == "shell"


@pytest.mark.parametrize(
    ("wish", "installed", "code", "words"),
    [
        ("claud", (), ErrorCode.UNKNOWN_AGENT, "Did you mean claude?"),
        ("argv", (), ErrorCode.UNKNOWN_AGENT, "Known agents: claude, codex,"),
        ("mine", (), ErrorCode.AGENT_NOT_INSTALLED, "[agents.mine]"),
        ("claude", ("codex",), ErrorCode.AGENT_NOT_INSTALLED, "npm install -g @anthropic-ai/claude-code"),
        (None, ("mine",), ErrorCode.NO_AGENT, "--agent shell"),
    ],
)
def test_when_there_is_no_such_agent_the_hint_says_what_to_do(
    wish: str | None, installed: tuple[str, ...], code: ErrorCode, words: str
) -> None:
    with pytest.raises(Refused) as caught:
        choose(wish, installed=installed)
    assert caught.value.code is code
    assert words in caught.value.hint


def test_a_job_finds_its_adapter_by_name() -> None:
    adapters = registry.build({})
    assert registry.find("codex", adapters) is registry.BUILT_IN["codex"]
    assert registry.find("argv", adapters) is registry.RUN_ADAPTER
    assert registry.find("gone", adapters) is None


def test_every_row_of_the_table_has_its_own_name() -> None:
    assert {name: adapter.name for name, adapter in registry.BUILT_IN.items()} == {n: n for n in registry.BUILT_IN}
    assert tuple(registry.BUILT_IN) == (*registry.PREFERENCE, "shell")
    configured = registry.build({"zeta": AgentConfig(command=["z", "{task}"])})
    assert list(configured) == [*registry.BUILT_IN, "zeta"]


def test_a_limit_alone_leaves_a_built_in_agent_as_it_is() -> None:
    assert registry.build({"claude": AgentConfig(max_running=2)})["claude"] is registry.BUILT_IN["claude"]


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("claude", ["--resume=ID-1"]),
        ("codex", ["resume", "ID-1", "-"]),
        ("opencode", ["--session=ID-1"]),
        ("vibe", ["--resume=ID-1"]),
        ("gemini", ["--resume=ID-1"]),
    ],
)
def test_an_agent_goes_on_with_its_session(agent: str, words: list[str]) -> None:
    adapter = registry.BUILT_IN[agent]
    given = CommandContext(job="j", attempt=2, task="t", directory="/p", prompt_file="/f", session="ID-1")
    argv = adapter.command(given).argv
    assert adapter.can_resume
    assert argv[-len(words) :] == words
    assert not any(word.startswith("--session-id") for word in argv)


def test_what_has_no_sessions_does_not_go_on() -> None:
    assert not registry.BUILT_IN["shell"].can_resume
    assert not registry.RUN_ADAPTER.can_resume


def argv(agent: str, session: str | None = None, **chosen: Any) -> list[str]:
    """The command of a built-in agent with these options."""
    given = msgspec.structs.replace(context(), session=session, options=AgentOptions(**chosen))
    return registry.BUILT_IN[agent].command(given).argv


@pytest.mark.parametrize("agent", ["claude", "codex", "opencode", "gemini"])
def test_a_model_is_one_word_of_the_command(agent: str) -> None:
    assert "--model=-x y" in argv(agent, model="-x y")
    assert not any("--model" in word for word in argv(agent))


def test_vibe_learns_its_model_from_a_variable() -> None:
    given = msgspec.structs.replace(context(), options=AgentOptions(model="devstral"))
    assert registry.BUILT_IN["vibe"].command(given).env == {"VIBE_ACTIVE_MODEL": "devstral"}
    assert registry.BUILT_IN["vibe"].command(context()).env == {}


@pytest.mark.parametrize(
    ("agent", "mode", "words"),
    [
        ("claude", "plan", ["--permission-mode=plan"]),
        ("claude", "bypassPermissions", ["--permission-mode=bypassPermissions"]),
        ("codex", "plan", ["-s", "read-only"]),
        ("codex", "acceptEdits", ["-s", "workspace-write"]),
        ("codex", "danger-full-access", ["-s", "danger-full-access"]),
        ("opencode", "plan", ["--agent=plan"]),
        ("opencode", "bypassPermissions", ["--auto"]),
        ("vibe", "auto-approve", ["--agent=auto-approve"]),
        ("vibe", "acceptEdits", ["--agent=accept-edits"]),
        ("gemini", "bypassPermissions", ["--approval-mode=yolo"]),
        ("gemini", "plan", ["--approval-mode=plan"]),
    ],
)
def test_a_permission_mode_replaces_the_default_one(agent: str, mode: str, words: list[str]) -> None:
    found = argv(agent, permission_mode=mode)
    start = found.index(words[0])
    assert found[start : start + len(words)] == words
    option = words[0].partition("=")[0]
    assert [word.partition("=")[0] for word in found].count(option) == 1


@pytest.mark.parametrize("agent", registry.PREFERENCE)
def test_arguments_are_added_and_all_else_of_the_command_stays(agent: str) -> None:
    for session in (None, "ID-1"):
        plain, more = argv(agent, session), argv(agent, session, args=["--one=1", "two words"])
        at = more.index("--one=1")
        assert more[at : at + 2] == ["--one=1", "two words"]
        assert more[:at] + more[at + 2 :] == plain
    assert "resume" not in argv("codex", "ID-1", args=["--one"])[: argv("codex", "ID-1", args=["--one"]).index("--one")]


def test_a_mode_that_is_chosen_comes_before_the_one_for_questions() -> None:
    asking = msgspec.structs.replace(
        context(), ask=True, allow=["Read"], options=AgentOptions(permission_mode="bypassPermissions")
    )
    assert "--permission-mode=bypassPermissions" in registry.BUILT_IN["claude"].command(asking).argv


TEMPLATE: list[str | list[str]] = [
    "bot",
    "--session={session}",
    ["--model", "{model}"],
    ["--mode", "{permission_mode}"],
    "{args}",
    "{task}",
]


def test_words_and_groups_of_a_configured_command_are_left_out_without_a_value() -> None:
    adapter = registry.build({"bot": AgentConfig(command=TEMPLATE, reader="claude")})["bot"]
    assert adapter.command(context()).argv == ["bot", "fix it"]
    options = AgentOptions("m-1", "any", ["--fast", "{model}"])
    full = msgspec.structs.replace(context(), session="ID-1", options=options)
    assert adapter.command(full).argv == [
        *("bot", "--session=ID-1", "--model", "m-1", "--mode", "any", "--fast", "{model}", "fix it")
    ]
    assert adapter.can_resume
    assert find_unsupported(options, adapter) == {}


def test_a_configured_agent_resumes_with_a_command_of_its_own() -> None:
    table = AgentConfig(
        command=["bot", "{task}"], resume_command=["bot", "go-on", "{session}", "{task}"], reader="codex"
    )
    adapter = registry.build({"bot": table})["bot"]
    assert adapter.can_resume
    assert adapter.command(context()).argv == ["bot", "fix it"]
    resumed = msgspec.structs.replace(context(), session="ID-1")
    assert adapter.command(resumed).argv == ["bot", "go-on", "ID-1", "fix it"]


def test_what_an_agent_does_not_support_is_said_with_what_it_does() -> None:
    plain = registry.build({"mine": AgentConfig(command=["mine", "{task}"])})["mine"]
    chosen = AgentOptions("m", "plan", ["-x"])
    assert find_unsupported(chosen, plain) == {
        "model": "agent mine has no option for a model",
        "permission_mode": "agent mine has no permission modes",
        "args": "agent mine accepts no more arguments",
    }
    assert find_unsupported(chosen, registry.BUILT_IN["shell"]).keys() == {"model", "permission_mode", "args"}
    assert find_unsupported(chosen, registry.RUN_ADAPTER)["model"] == "a command has no option for a model"
    assert find_unsupported(chosen, registry.BUILT_IN["vibe"]) == {
        "permission_mode": "agent vibe has no permission mode 'plan', only ask, acceptEdits, accept-edits,"
        " smart-approve, bypassPermissions, auto-approve"
    }


def test_of_several_choices_the_last_applies_and_the_arguments_add_up() -> None:
    choices = AgentOptions("a", "plan", ["1"]), AgentOptions(None, "default", ["2"]), AgentOptions("c", None, ["3"])
    assert combine(*choices) == AgentOptions("c", "default", ["1", "2", "3"])


def test_codex_may_write_where_a_commit_in_its_worktree_does_if_it_may_write_at_all() -> None:
    def directories(mode: str | None) -> list[str]:
        given = msgspec.structs.replace(
            context(), options=AgentOptions(permission_mode=mode), git_directories=["/r/.git/objects"], session="ID-1"
        )
        words = registry.BUILT_IN["codex"].command(given).argv
        return [word for word in words[: words.index("resume")] if word.startswith("--add-dir")]

    assert directories(None) == directories("workspace-write") == ["--add-dir=/r/.git/objects"]
    assert directories("plan") == directories("danger-full-access") == []


OPENED = {
    "claude": ["claude", "--resume=ID-1", "--model=m-1", "--fast"],
    "codex": ["codex", "resume", "-C", "/project", "--model=m-1", "--fast", "ID-1"],
    "opencode": ["opencode", "--session=ID-1", "--model=m-1", "--fast", "/project"],
    "vibe": ["vibe", "--resume=ID-1", "--workdir", "/project", "--fast"],
    "gemini": ["gemini", "--resume=ID-1", "--model=m-1", "--fast"],
    "copilot": ["copilot", "--no-auto-update", "--model=m-1", "--resume=ID-1", "--fast"],
    "qwen": ["qwen", "--model=m-1", "--resume=ID-1", "--fast"],
    "pi": ["pi", "--model", "m-1", "--session", "ID-1", "--fast"],
}


@pytest.mark.parametrize("agent", OPENED)
def test_each_agent_opens_a_session_in_the_terminal(agent: str) -> None:
    tables = {name: msgspec.convert(table, AgentConfig) for name, table in load_shipped().items()}
    opens = registry.build(tables)[agent].interactive
    assert opens is not None
    options = AgentOptions("m-1", None, ["--fast"])
    command = opens(msgspec.structs.replace(context(""), session="ID-1", options=options))
    assert command.argv == OPENED[agent]


@pytest.mark.parametrize("agent", ["claude", "codex", "vibe", "gemini"])
def test_a_chosen_permission_mode_applies_in_the_terminal_as_well(agent: str) -> None:
    adapter = registry.BUILT_IN[agent]
    assert adapter.interactive is not None
    given = msgspec.structs.replace(context(""), session="ID-1", options=AgentOptions(None, "acceptEdits", []))
    mode = (adapter.permission_modes or {})["acceptEdits"]
    assert any(word.endswith(mode) for word in adapter.interactive(given).argv)


def test_a_configured_agent_opens_a_session_with_a_command_of_its_own() -> None:
    table = AgentConfig(command=["bot", "{session}", "{task}"], attach=["bot", "chat", "{session}"], env={"A": "1"})
    adapter = registry.build({"bot": table})["bot"]
    assert adapter.interactive is not None
    command = adapter.interactive(msgspec.structs.replace(context(""), session="ID-1"))
    assert (command.argv, command.env) == (["bot", "chat", "ID-1"], {"A": "1"})
    assert registry.BUILT_IN["shell"].interactive is None
