"""config.toml and the environment become one Config, or every mistake in them is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from luziad.config import load as config
from luziad.config.schema import Config
from luziad.errors import ConfigError

Load = Callable[..., Config]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Writes a configuration file and loads it."""
    monkeypatch.setenv("LUZIA_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("LUZIA_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("LUZIA_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.delenv("LUZIA_SOCKET", raising=False)
    monkeypatch.setenv("HOME", "/home/ann")

    def loaded(text: str, **environ: str) -> Config:
        (tmp_path / "config.toml").write_text(text)
        return config.load(environ)

    return loaded


def mistakes(load: Load, text: str, **environ: str) -> list[str]:
    """The mistakes in a text, without the directory of the file."""
    with pytest.raises(ConfigError) as caught:
        load(text, **environ)
    return [re.sub(r"^/.*?/(?=config\.toml)", "", mistake) for mistake in caught.value.mistakes]


def mistake(load: Load, text: str, **environ: str) -> str:
    """The only mistake in a text."""
    (only,) = mistakes(load, text, **environ)
    return only


def test_without_a_file_everything_has_its_default(tmp_path: Path, load: Load) -> None:
    loaded = load("")
    (tmp_path / "config.toml").unlink()
    assert config.load({}) == loaded
    assert loaded.daemon.max_jobs == 1000
    assert loaded.daemon.max_running >= 4
    assert (loaded.projects, list(loaded.agents)) == ({}, ["copilot", "qwen", "pi"])
    assert loaded.socket == str(tmp_path / "run" / "luzia.sock")
    assert loaded.jobs_dir == str(tmp_path / "state" / "jobs")


def test_everything_that_can_be_configured_arrives(load: Load) -> None:
    loaded = load(
        """
        [daemon]
        autostart = false
        default_agent = "mine"
        grace_s = 2
        timeout_s = 1.5
        log_level = "debug"
        [projects.web]
        path = "~/web"
        agent = "shell"
        env = { TOKEN = "s3cret" }
        max_running = 2
        [agents.mine]
        command = ["~/bin/mine", "{task}"]
        """
    )
    assert loaded.daemon.autostart is False
    assert loaded.daemon.grace_s == 2.0
    assert loaded.daemon.timeout_s == 1.5
    web = loaded.projects["web"]
    assert (web.path, web.agent, web.env, web.max_running) == (
        "/home/ann/web",
        "shell",
        {"TOKEN": "s3cret"},
        2,
    )
    assert loaded.agents["mine"].command == ["/home/ann/bin/mine", "{task}"]


def test_the_environment_wins_over_the_file(load: Load, tmp_path: Path) -> None:
    loaded = load("[daemon]\nmax_jobs = 5\n", LUZIA_MAX_JOBS="7", LUZIA_JOBS_DIR=f"{tmp_path}/elsewhere")
    assert loaded.daemon.max_jobs == 7
    assert loaded.jobs_dir == f"{tmp_path}/elsewhere"


def test_an_empty_variable_counts_as_not_set(load: Load, tmp_path: Path) -> None:
    loaded = load("[daemon]\nmax_jobs = 5\n", LUZIA_MAX_JOBS="", LUZIA_JOBS_DIR="")
    assert loaded.daemon.max_jobs == 5
    assert loaded.jobs_dir == f"{tmp_path}/state/jobs"


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", "9" * 30, "٣"])
def test_a_bad_number_in_the_environment_is_a_mistake(load: Load, value: str) -> None:
    assert "LUZIA_MAX_JOBS: found" in mistake(load, "", LUZIA_MAX_JOBS=value)


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(load: Load) -> None:
    told = mistakes(
        load,
        """
[daemon]
max_runing = 3
grace_s = "ten"

[projects.web]
agent = "claud"

[project.old]
path = "/x"
""",
        LUZIA_MAX_JOBS="none",
    )
    assert told == [
        "config.toml:3: daemon.max_runing: unknown key (did you mean max_running?).",
        'config.toml:4: daemon.grace_s: found "ten", expected a number of seconds above 0 and at most 1000000000.',
        "config.toml:6: projects.web.path: missing, expected an absolute path, or a path that begins with ~.",
        'config.toml:7: projects.web.agent: unknown agent "claud" (did you mean claude?).',
        "config.toml:9: project: unknown table (did you mean projects?).",
        'LUZIA_MAX_JOBS: found "none", expected a whole number from 1 to 1000000000.',
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("slots = 3", "slots: unknown key ("),
        ('agent = "claude"', "agent: unknown key ("),
        ("[slots]", "slots: unknown table ("),
        ("[[slots]]", "slots: unknown table ("),
        ("slots = []", "slots: unknown key ("),
    ],
)
def test_what_stands_above_all_tables_is_told_as_a_key_or_as_a_table(load: Load, text: str, words: str) -> None:
    assert words in mistake(load, text)


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("daemon = 1", "daemon", "found 1, expected a table"),
        ("projects = 1", "projects", "expected tables such as [projects.NAME]"),
        ("[[daemon]]", "daemon", "found an array, expected a table"),
        (
            "[daemon]\nbackoff_s = [0.0]",
            "daemon.backoff_s",
            "found [0.0], expected one or two numbers of seconds above 0",
        ),
        ("[daemon]\nbackoff_s = [5, 2]", "daemon.backoff_s", "found [5, 2], expected one or two numbers"),
        ("[daemon]\nbackoff_s = [1, 2, 3, 4, 5]", "daemon.backoff_s", "found an array, expected one or two numbers"),
        ("[daemon]\nautostart = 1", "daemon.autostart", "found 1, expected true or false"),
        ("[daemon]\nmax_running = true", "daemon.max_running", "found true, expected a whole number"),
        ("[daemon]\nmax_running = 0", "daemon.max_running", "found 0, expected a whole number from 1"),
        ("[daemon]\nmax_running = 2.0", "daemon.max_running", "found 2.0, expected a whole number"),
        ("[daemon]\nmax_queued = 99999999999", "daemon.max_queued", "expected a whole number from 1 to"),
        ("[daemon]\ntimeout_s = 0", "daemon.timeout_s", "found 0, expected a number of seconds above 0"),
        ("[daemon]\ntimeout_s = inf", "daemon.timeout_s", "found inf, expected"),
        ("[daemon]\ntimeout_s = nan", "daemon.timeout_s", "found nan, expected"),
        ("[daemon]\ntimeout_s = 2024-01-01", "daemon.timeout_s", "found a date or time, expected"),
        (
            '[daemon]\nlog_level = "loud"',
            "daemon.log_level",
            'expected "debug", "info", "warning" or "error"',
        ),
        (
            '[daemon]\ndefault_agent = "argv"',
            "daemon.default_agent",
            'unknown agent "argv"',
        ),
        ('[projects.a]\npath = "src"', "projects.a.path", 'found "src", expected an absolute path'),
        ('[projects.a]\npath = "~nosuchuser/x"', "projects.a.path", "expected an absolute path"),
        ('[projects.a]\npath = "/a\\u0000"', "projects.a.path", "found a string, expected an absolute path"),
        ('[projects."a b"]\npath = "/a"', 'projects."a b"', "expected 1 to 64 letters"),
        ('[projects.-a]\npath = "/a"', "projects.-a", "expected 1 to 64 letters"),
        (f'[projects.{"a" * 65}]\npath = "/a"', "projects.aaa", "expected 1 to 64 letters"),
        ("[projects]\na = 1", "projects.a", "found 1, expected a table"),
        ('[agents.argv]\ncommand = ["{task}"]', "agents.argv", "reserved for `luzia run`"),
        (
            "[agents.a]\ncommand = []",
            "agents.a.command",
            "found an empty array, expected an array of strings",
        ),
        ("resources = 1", "resources", "expected a table with the number of units"),
        ("[resources]\ngpu = 0", "resources.gpu", "found 0, expected a whole number from 1"),
        ('[resources]\n"a b" = 1', 'resources."a b"', "expected 1 to 64 letters"),
        ("[resources]\nmemory = 1", "resources.memory", "set daemon.memory_bytes instead"),
        ("[daemon]\nmax_load = 0", "daemon.max_load", "expected a number above 0"),
        ("[daemon]\nmax_io_pressure = 101", "daemon.max_io_pressure", "expected a number above 0 and at most 100"),
        ("[daemon]\ncpus = 0", "daemon.cpus", "expected a number of CPUs above 0"),
        ("[agents.a]\nmax_running = 1", "agents.a.command", "missing, expected an array of strings"),
        ('[agents.claude]\nprompt = "none"', "agents.claude.prompt", "requires `command`"),
        ("[agents.claude]\nmax_running = 0", "agents.claude.max_running", "expected a whole number from 1"),
        (
            '[projects.a]\npath = "/a"\npriority = 101',
            "projects.a.priority",
            "expected a whole number from -100 to 100",
        ),
        (
            '[projects.a]\npath = "/a"\npriority = 1.5',
            "projects.a.priority",
            "expected a whole number from -100 to 100",
        ),
        ('[projects.a]\npath = "/a"\nweight = 0', "projects.a.weight", "expected a number above 0"),
        ('[agents.a]\ncommand = ["", "{task}"]', "agents.a.command", "expected an array of strings"),
        (
            '[agents.a]\ncommand = "x {task}"',
            "agents.a.command",
            "found a string, expected an array of strings",
        ),
        ('[agents.a]\ncommand = ["x", "{taks} {task}"]', "agents.a.command", "unknown placeholder {taks}"),
        ('[agents.a]\ncommand = ["x"]', "agents.a.command", "no placeholder for the task"),
        ('[agents.a]\ncommand = ["x", "-m{args}", "{task}"]', "agents.a.command", "{args} must be a word of its own"),
        ('[agents.a]\ncommand = ["x", ["-m", "{args}"], "{task}"]', "agents.a.command", "{args} must be a word"),
        ('[agents.a]\ncommand = ["x", ["-m", 3], "{task}"]', "agents.a.command", "found an array, expected an array"),
        ('[agents.a]\ncommand = [["x"], "{task}"]', "agents.a.command", "found an array, expected an array"),
        ('[agents.a]\ncommand = ["{model}", "{task}"]', "agents.a.command", "the first word must not depend on"),
        (
            '[agents.a]\ncommand = ["x", "{session}", "{task}"]',
            "agents.a.command",
            "{session} requires output that tells the session",
        ),
        (
            '[agents.a]\ncommand = ["x", "{task}"]\nresume_command = ["x", "{task}"]\nreader = "codex"',
            "agents.a.resume_command",
            "no placeholder for the session",
        ),
        (
            '[agents.a]\ncommand = ["x", "{task}"]\nresume_command = ["x", "{session}"]\nreader = "codex"',
            "agents.a.resume_command",
            "no placeholder for the task",
        ),
        (
            '[agents.a]\ncommand = ["x", "{session}", "{task}"]\nresume_command = ["x", "{session}{task}"]\n'
            'reader = "codex"',
            "agents.a.command",
            "{session} is replaced in resume_command only",
        ),
        ('[agents.claude]\nresume_command = ["x"]', "agents.claude.resume_command", "requires `command`"),
        (
            '[agents.a]\ncommand = ["x", "{session}", "{task}"]\nattach = ["x", "chat"]\nreader = "codex"',
            "agents.a.attach",
            "no placeholder for the session",
        ),
        (
            '[agents.a]\ncommand = ["x", "{session}", "{task}"]\nattach = ["x", "{session}{task}"]\nreader = "codex"',
            "agents.a.attach",
            "{task} and {prompt_file} have no value here",
        ),
        (
            '[agents.a]\ncommand = ["x", "{task}"]\nattach = ["x", "{session}"]',
            "agents.a.attach",
            "requires {session} in command or resume_command",
        ),
        ('[agents.a]\ncommand = ["x", "{task}"]\nmodel = "m"', "agents.a.model", "agent a has no option for a model"),
        ('[agents.a]\ncommand = ["x", "{task}"]\nargs = ["-y"]', "agents.a.args", "accepts no more arguments"),
        ('[agents.shell]\nmodel = "m"', "agents.shell.model", "agent shell has no option for a model"),
        ('[agents.claude]\nmodel = ""', "agents.claude.model", "expected a string that is not empty"),
        ('[agents.vibe]\npermission_mode = "plan"', "agents.vibe.permission_mode", "only ask, acceptEdits,"),
        (
            '[projects.a]\npath = "/a"\nagent = "codex"\npermission_mode = "yolo"',
            "projects.a.permission_mode",
            "agent codex has no permission mode 'yolo', only plan, read-only,",
        ),
        (
            '[daemon]\ndefault_agent = "shell"\n[projects.a]\npath = "/a"\nargs = ["-x"]',
            "projects.a.args",
            "agent shell accepts no more arguments",
        ),
        ('[agents.a]\ncommand = ["x", "{{task}}"]', "agents.a.command", "no placeholder for the task"),
        (
            '[agents.a]\ncommand = ["x"]\nprompt = "file"',
            "agents.a.prompt",
            'expected "argument", "stdin" or',
        ),
        ('[executors.c]\nkind = "slurm"\naddress = "a:1"', "executors.c.kind", 'expected "ray"'),
        ('[executors.c]\nkind = "ray"\naddress = "ray://a:1"', "executors.c.address", "of the form HOST:PORT"),
        ('[executors.c]\nkind = "ray"', "executors.c.address", "missing"),
        ('[executors.local]\nkind = "ray"\naddress = "a:1"', "executors.local", "reserved for this machine"),
        ('[projects.a]\npath = "/a"\nexecutor = "farm"', "projects.a.executor", 'unknown executor "farm"'),
        ('[agents.a]\ncommand = ["{task}"]\nreader = "gpt"', "agents.a.reader", "expected one of claude,"),
    ],
)
def test_a_wrong_value_is_told_with_its_key_and_what_is_expected(load: Load, text: str, key: str, words: str) -> None:
    told = mistake(load, text)
    assert told.startswith("config.toml:")
    assert f": {key}" in told
    assert words in told


def test_a_syntax_error_is_told_with_its_line(load: Load) -> None:
    assert mistake(load, "[daemon]\nmax_jobs = \n").startswith("config.toml:2: invalid TOML: ")
    assert mistake(load, '[daemon]\nlog_level = """\n\n').startswith("config.toml:4: invalid TOML: ")


def test_bytes_that_are_not_text_are_told_with_their_line(load: Load, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"[daemon]\n# caf\xe9\n")
    with pytest.raises(ConfigError, match=r"config\.toml:2: invalid UTF-8"):
        config.load({})


def test_a_file_that_cannot_be_read_is_told(load: Load, tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(ConfigError, match=r"config\.toml: cannot be read: not a regular file"):
        config.load({})


@pytest.mark.parametrize(
    "env",
    [
        'env = "hunter2"',
        'env = ["hunter2"]',
        'env = { "TOKEN=hunter2" = "x" }',
        'env = { "9TOKEN" = "hunter2" }',
        "env = { TOKEN = ['hunter2'] }",
        'env = { TOKEN = "hunter2\\u0000" }',
        'env.TOKEN.hunter = "hunter2"',
    ],
)
def test_no_message_shows_the_value_of_a_variable(load: Load, env: str) -> None:
    told = mistake(load, f'[projects.web]\npath = "/web"\n{env}\n')
    assert "hunter2" not in told
    assert told.startswith("config.toml:3: projects.web.env")


def test_a_number_is_no_value_of_a_variable(load: Load) -> None:
    told = mistake(load, '[projects.web]\npath = "/web"\n[projects.web.env]\nA = "1"\nPIN = 1234\n')
    assert told == "config.toml:5: projects.web.env.PIN: found a number, expected a string without NUL."


def test_lines_are_right_in_every_style_of_writing(load: Load) -> None:
    told = mistakes(
        load,
        """# a comment
daemon.grace_s = -1  # dotted, at the top
projects = { one = { path = "/1", max_running = 0 }, two = { path = "2" } }

[agents.a]
command = [
  "x",  # [not.a.table]
  \"\"\"
max_jobs = 3
{nothing}\"\"\",
]
prompt = 3
""",
    )
    assert [told_line.split(":")[1:3] for told_line in told] == [
        ["2", " daemon.grace_s"],
        ["3", " projects.one.max_running"],
        ["3", " projects.two.path"],
        ["6", " agents.a.command"],
        ["12", " agents.a.prompt"],
    ]


def test_windows_line_ends_do_not_shift_lines(load: Load, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"# x\r\n\r\n[daemon]\r\nmax_jobs = 0\r\n")
    with pytest.raises(ConfigError, match=r"config\.toml:4: daemon\.max_jobs"):
        config.load({})


def test_a_project_may_use_a_configured_agent_and_a_missing_directory(load: Load) -> None:
    loaded = load(
        '[projects.a]\npath = "/does/not/exist"\nagent = "mine"\n[agents.mine]\ncommand = ["x"]\nprompt = "none"\n'
    )
    assert loaded.projects["a"].agent == "mine"
