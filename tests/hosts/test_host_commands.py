"""`luzia --host NAME …`: commands for the daemon of another host, through a real sshd."""

from __future__ import annotations

import json
import os
import signal
import stat
from collections.abc import Iterator

import pytest

from far_host import NAME, FarHost, far_host
from interactive_agent import InteractiveAgent
from luzia_client.hosts.settings import Host
from luzia_client.hosts.ssh import master_command
from support import ended, eventually


@pytest.fixture(scope="module")
def host() -> Iterator[FarHost]:
    with far_host() as found:
        yield found


def dispatch(host: FarHost, command: str, *options: str) -> str:
    """Dispatch a shell command over the link; returns the id of the job."""
    job: str = json.loads(host.ok("dispatch", "--json", *options, "overbits", command))["job"]
    return job


def test_a_job_is_dispatched_to_the_host_and_not_to_this_machine(host: FarHost) -> None:
    job = dispatch(host, 'echo "on $LUZIA_FAR$LUZIA_HOST the far side"')
    with host.there.connect() as wire:
        assert ended(wire, job)[0]["state"] == "completed"
    assert host.ok("logs", job) == "on  the far side\n"
    assert not os.path.exists(host.here.socket)


def test_the_variable_has_the_effect_of_the_option(host: FarHost) -> None:
    job = dispatch(host, "true")
    host.here.env["LUZIA_HOST"] = NAME
    try:
        done = host.here.run("wait", job)
        assert (done.returncode, done.stderr) == (0, "")
        assert host.here.run("jobs", job).returncode == 0
    finally:
        del host.here.env["LUZIA_HOST"]


def test_an_id_names_its_host(host: FarHost) -> None:
    job = dispatch(host, "true")
    assert host.here.run("wait", f"{NAME}/{job}").returncode == 0
    assert json.loads(host.here.run("jobs", f"{NAME}/{job}", "--json").stdout)["id"] == job


def test_the_commands_that_are_shown_for_a_job_name_its_host(host: FarHost) -> None:
    job = host.job_there("echo there")
    host.ok("wait", job)
    for words in (["jobs", f"{NAME}/{job}"], ["--host", NAME, "jobs", job]):
        shown = host.here.run(*words).stdout
        assert f"Job {NAME}/{job}  completed" in shown
        command = next(line.split() for line in shown.splitlines() if line.strip().startswith("luzia logs"))
        assert host.here.run(*command[1:]).stdout == "there\n"


def test_output_is_followed_and_a_job_is_waited_for_and_cancelled(host: FarHost) -> None:
    job = dispatch(host, "echo begun; exec sleep 1000")
    with host.start_command("logs", "-f", job) as following, host.start_command("wait", job) as waiting:
        assert following.stdout is not None
        assert following.stdout.readline() == "begun\n"
        host.ok("cancel", job)
        assert waiting.wait(60) == 5
        assert following.wait(60) == 5


def test_a_job_finds_the_programs_of_its_host_and_not_those_of_the_callers_path(host: FarHost) -> None:
    job = dispatch(host, "command -v ssh")
    host.luzia("wait", job)
    assert str(host.here.root) not in host.ok("logs", job)


def test_the_link_is_shared_and_only_its_owner_can_use_it(host: FarHost) -> None:
    for _ in range(2):
        host.ok("jobs")
    assert len(host.masters()) == 1
    directory = host.here.root / "run" / "hosts"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    for name in (f"{NAME}.sock", f"{NAME}.ctl"):
        assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600


def test_twenty_commands_at_once_start_one_link(host: FarHost) -> None:
    host.end_links()
    with host.start_command("jobs", "--json") as first:
        commands = [host.here.start_command("--host", NAME, "jobs", "--json") for _ in range(19)]
        running = [command.__enter__() for command in commands]
        try:
            for process in (first, *running):
                _, errors = process.communicate(timeout=60)
                assert (process.returncode, errors) == (0, "")
        finally:
            for command in commands:
                command.__exit__(None, None, None)
    assert len(host.masters()) == 1


def test_the_link_ends_when_the_host_is_removed(host: FarHost) -> None:
    host.ok("jobs")
    host.add("spare", "far-one")
    assert host.here.run("--host", "spare", "jobs").returncode == 0
    assert len(host.masters()) == 2
    assert host.here.run("hosts", "remove", "spare").returncode == 0
    eventually(lambda: len(host.masters()) < 2, "the end of the link")
    assert "spare" not in host.here.config_file.read_text()


def test_a_link_ends_when_nobody_uses_it_and_not_before() -> None:
    with far_host(ssh_options=("-o", "ControlPersist=3")) as host:
        job = dispatch(host, "for n in 1 2 3 4 5 6; do echo $n; sleep 0.8; done")
        with host.start_command("logs", "-f", job) as following:
            assert following.stdout is not None
            assert following.stdout.readline() == "1\n"
            before = host.masters()
            assert [following.stdout.readline() for _ in range(5)] == ["2\n", "3\n", "4\n", "5\n", "6\n"]
            assert host.masters() == before
        job = dispatch(host, "echo up; exec sleep 1000")
        with host.start_command("logs", "-f", job) as following:
            assert following.stdout is not None
            assert following.stdout.readline() == "up\n"
            following.send_signal(signal.SIGINT)
            following.wait(60)
        eventually(lambda: not host.masters(), "the end of the link")
        assert json.loads(host.here.run("hosts", "list", "--json").stdout)["linked"] is False
    assert "ControlPersist=600" in master_command(Host(NAME, "far-one"), "control"), "ten minutes, without the option"


def test_a_question_is_answered_on_the_host() -> None:
    with far_host() as host:
        host.there.stop()
        agent = InteractiveAgent(host.there)
        host.there.start()
        job = dispatch(host, "ask me", "--agent", "claude", "--ask")
        eventually(lambda: host.state_there(job) == "waiting", "the question")
        assert "Bash" in host.ok("jobs", job)
        answered = host.here.run("answer", f"{NAME}/{job}", "allow")
        assert answered.returncode == 0, answered.stderr
        host.ok("wait", job)
        assert [call["prompt"] for call in agent.calls()] == ["ask me"]


def test_a_command_about_the_machine_runs_on_the_host(host: FarHost) -> None:
    status = json.loads(host.ok("daemon", "status", "--json"))
    assert status["socket"] == host.there.socket
    assert host.ok("config", "get", "projects.overbits.path") == f"{host.there.project}\n"


def test_a_project_names_its_host(host: FarHost) -> None:
    with host.here.config_file.open("a") as config:
        config.write(f'[projects.site]\nhost = "{NAME}"\n')
    with host.there.config_file.open("a") as config:
        config.write(f'[projects.site]\npath = "{host.there.project}"\nagent = "shell"\n')
    host.ok("daemon", "reload")
    dispatched = host.here.run("dispatch", "--json", "site", 'echo "$LUZIA_PROJECT"')
    assert dispatched.returncode == 0, dispatched.stderr
    job = json.loads(dispatched.stdout)["job"]
    assert host.here.run("wait", f"{NAME}/{job}").returncode == 0
    assert host.ok("logs", job) == "site\n"
    assert host.here.run("run", "-q", "site", "--", "true").returncode == 0
    assert json.loads(host.here.run("config", "check", "--json").stdout)["mistakes"] == []
    assert host.here.run("dispatch", "sitt", "echo").returncode == 4
    host.here.run("daemon", "stop")


def test_all_hosts_are_in_one_list_and_one_that_is_unreachable_is_told(host: FarHost) -> None:
    far = dispatch(host, "true")
    host.luzia("wait", far)
    near = json.loads(host.here.run("dispatch", "--json", "overbits", "true").stdout)["job"]
    try:
        assert host.here.run("wait", near).returncode == 0
        done = host.here.run("jobs", "--all-hosts", "--all", "--json")
        assert done.returncode == 0, done.stderr
        found = {(job["host"], job["id"]) for job in map(json.loads, done.stdout.splitlines())}
        assert {("local", near), (NAME, far)} <= found
        table = host.here.run("jobs", "--all-hosts").stdout
        assert f"\n{NAME}/{far} " in table
        assert f"\n{near} " in table
        host.add("gone", "far-absent")
        done = host.here.run("jobs", "--all-hosts", "--format", "host,id")
        assert f"{NAME}\t{far}\n" in done.stdout
        assert done.returncode == 3
        assert f"host gone (far-absent) is not reachable: connect to host {host.address}" in done.stderr
        assert host.luzia("jobs", "--all-hosts").returncode == 2
    finally:
        host.here.run("hosts", "remove", "gone")
        host.here.run("daemon", "stop")
