"""`luzia metrics` as Prometheus sees it: over HTTP, in a file, and over kills of every process."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from private_luzia import DEADLINE_S, PrivateLuzia, private_luzia, until
from support import MAIN

DOCS = Path(__file__).parents[2] / "docs" / "metrics"
Samples = dict[tuple[str, tuple[str, ...]], float]


@pytest.fixture
def luzia() -> Iterator[PrivateLuzia]:
    with private_luzia() as luzia:
        yield luzia


def parse(text: str) -> Samples:
    """Each sample by its name and the values of its labels."""
    return {
        (sample.name, tuple(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def once(luzia: PrivateLuzia, *words: str) -> Samples:
    printed = luzia.run("metrics", "--once", *words)
    assert printed.returncode == 0, printed.stderr
    return parse(printed.stdout.decode())


def ended(samples: Samples, outcome: str) -> float:
    return samples.get(("luzia_attempts_ended_total", ("shell", outcome, "project")), 0.0)


def serve(luzia: PrivateLuzia) -> tuple[subprocess.Popen[bytes], str]:
    """A server, and its URL."""
    server = luzia.start("metrics", "--listen", "127.0.0.1:0")
    assert server.stdout is not None
    url = server.stdout.readline().decode().strip()
    if not url:
        pytest.fail(server.communicate()[1].decode())
    return server, url


def scrape(url: str) -> Samples:
    with urllib.request.urlopen(url, timeout=DEADLINE_S) as reply:
        return parse(reply.read().decode())


def test_the_figures_are_those_of_the_jobs(luzia: PrivateLuzia) -> None:
    with luzia.client() as client:
        jobs = [luzia.shell(command) for command in ("true", "true", "exit 3")]
        jobs.append(client.dispatch(luzia.project, "exit 1", agent="shell", retries=1, backoff_s=[0.1]).job)
        client.wait(jobs)
        running = luzia.shell("sleep 600")
        until(lambda: client.get_job(running).state == "running", "the job runs")
        samples = once(luzia)
        page = client.list_jobs()
        ran = sum(attempt.duration_s or 0.0 for job in jobs for attempt in client.get_job(job).attempts)
    assert samples["luzia_up", ()] == 1.0
    assert {state: samples["luzia_jobs", (state,)] for state in page.counts} == page.counts
    assert (ended(samples, "completed"), ended(samples, "failed")) == (2.0, 3.0)
    assert samples["luzia_attempt_duration_seconds_count", ("shell",)] == 5.0
    assert samples["luzia_attempt_duration_seconds_sum", ("shell",)] == pytest.approx(ran)
    assert samples["luzia_attempt_duration_seconds_bucket", ("shell", "+Inf")] == 5.0
    assert samples["luzia_slots_used", ()] == 1.0
    assert samples["luzia_store_bytes", ()] > 0
    assert samples["luzia_dispatch_commit_seconds_count", ()] >= 5.0
    assert ("luzia_cost_usd_total", ("shell", "project")) not in samples
    assert not any(job in text for key in samples for text in (key[0], *key[1]) for job in (*jobs, running))


def test_counters_never_go_back_whatever_is_killed(luzia: PrivateLuzia) -> None:
    seen: Samples = {}
    for turn in range(1, 5):
        client = luzia.client()
        server, url = serve(luzia)
        client.wait([luzia.shell("true"), luzia.shell("false")])
        until(lambda url=url, turn=turn: ended(scrape(url), "failed") == turn, "the ends are counted")  # type: ignore[misc]
        samples = scrape(url)
        assert (ended(samples, "completed"), ended(samples, "failed")) == (turn, turn)
        assert not [
            key
            for key, value in seen.items()
            if key[0].endswith(("_total", "_count", "_bucket", "_sum")) and samples[key] < value
        ]
        seen = samples
        luzia.kill_daemon()
        assert scrape(url)["luzia_up", ()] == 0.0
        assert ended(scrape(url), "failed") == turn
        server.send_signal(signal.SIGKILL)
        server.wait(DEADLINE_S)


def test_a_server_follows_a_new_daemon(luzia: PrivateLuzia) -> None:
    client = luzia.client()
    server, url = serve(luzia)
    client.wait([luzia.shell("true")])
    luzia.kill_daemon()
    luzia.client().wait([luzia.shell("true")])
    until(lambda: ended(scrape(url), "completed") == 2.0, "both daemons' jobs are counted")
    assert scrape(url)["luzia_up", ()] == 1.0
    assert server.poll() is None


def test_one_process_writes_the_totals_and_others_may_read_them(luzia: PrivateLuzia) -> None:
    client = luzia.client()
    _, url = serve(luzia)
    client.wait([luzia.shell("true")])
    until(lambda: ended(scrape(url), "completed") == 1.0, "the end is counted")
    assert ended(once(luzia), "completed") == 1.0
    second = luzia.run("metrics", "--listen", "127.0.0.1:0")
    assert second.returncode != 0
    assert second.stderr.startswith(b"luzia: another `luzia metrics` uses")


def test_a_text_file_is_replaced(luzia: PrivateLuzia, tmp_path: Path) -> None:
    luzia.client().wait([luzia.shell("true")])
    file = tmp_path / "luzia.prom"
    file.write_text("old")
    assert luzia.run("metrics", "--textfile", str(file)).returncode == 0
    assert ended(parse(file.read_text()), "completed") == 1.0
    assert os.listdir(tmp_path) == ["luzia.prom"]


def test_without_a_daemon_the_last_totals_are_shown(luzia: PrivateLuzia) -> None:
    luzia.client().wait([luzia.shell("true")])
    once(luzia)
    luzia.stop_daemon()
    samples = once(luzia)
    assert samples["luzia_up", ()] == 0.0
    assert ended(samples, "completed") == 1.0


def test_a_question_a_schedule_and_a_budget_are_shown(luzia: PrivateLuzia) -> None:
    Path(luzia.env["LUZIA_CONFIG"]).write_text(
        "[daemon]\nmax_cost_usd_per_day = 20.0\n"
        f'[projects.overbits]\npath = "{luzia.project}"\nmax_cost_usd_per_day = 5.0\n'
    )
    client = luzia.client()
    client.add_schedule("nightly", "0 3 * * *", "overbits", "true", agent="shell")
    client.add_schedule("weekly", "0 3 * * 0", "overbits", "false", agent="shell")
    client.wait([client.run_schedule(name).job for name in ("nightly", "weekly")])
    samples = once(luzia)
    assert samples["luzia_budget_remaining_usd", ("overbits",)] == 5.0
    assert samples["luzia_budget_remaining_usd", ("",)] == 20.0
    assert ("luzia_schedule_last_success_timestamp_seconds", ("weekly",)) not in samples
    job = next(job for job in client.list_jobs().jobs if job.run_of and job.run_of.schedule == "nightly")
    assert job.ended_at is not None
    shown = samples["luzia_schedule_last_success_timestamp_seconds", ("nightly",)]
    assert shown == pytest.approx(job.ended_at.timestamp(), abs=2.0)
    client.remove_schedule("nightly")
    assert ("luzia_schedule_last_success_timestamp_seconds", ("nightly",)) not in once(luzia)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"garbage", b"was not written by `luzia metrics`"),
        (b'{"socket": "/elsewhere"}', b"has the totals of the daemon on /elsewhere"),
    ],
)
def test_a_wrong_file_of_totals_is_refused_and_kept(
    luzia: PrivateLuzia, tmp_path: Path, content: bytes, words: bytes
) -> None:
    file = tmp_path / "totals.json"
    file.write_bytes(content)
    refused = luzia.run("metrics", "--once", "--state", str(file))
    assert refused.returncode == 74
    assert words in refused.stderr
    assert file.read_bytes() == content


def test_totals_that_cannot_be_saved_are_not_shown(luzia: PrivateLuzia, tmp_path: Path) -> None:
    luzia.client().wait([luzia.shell("true")])
    directory = tmp_path / "away"
    server = luzia.start("metrics", "--listen", "127.0.0.1:0", "--state", str(directory / "totals.json"))
    assert server.stdout is not None
    url = server.stdout.readline().decode().strip()
    until(lambda: ended(scrape(url), "completed") == 1.0, "the end is counted")
    shutil.rmtree(directory)
    samples = scrape(url)
    assert samples["luzia_up", ()] == 1.0
    assert ended(samples, "completed") == 0.0
    directory.mkdir()
    assert ended(scrape(url), "completed") == 1.0


@pytest.mark.parametrize("address", ["9477", "host:", "127.0.0.1:99999", "127.0.0.1:x"])
def test_a_wrong_address_is_told(luzia: PrivateLuzia, address: str) -> None:
    refused = luzia.run("metrics", "--listen", address)
    assert refused.returncode == 2
    assert f"'{address}' is not HOST:PORT".encode() in refused.stderr


@pytest.mark.parametrize(
    ("module", "words", "told"),
    [
        ("prometheus_client", ["--once"], [b"`luzia metrics` requires prometheus-client", b"metrics"]),
        ("opentelemetry", ["--otlp", "http://127.0.0.1:1"], [b"--otlp requires OpenTelemetry", b"otel"]),
        (
            "opentelemetry.exporter",
            ["--otlp", "http://127.0.0.1:1"],
            [b"--otlp requires OpenTelemetry", b"otel"],
        ),
    ],
)
def test_a_missing_library_is_told_in_one_line(
    luzia: PrivateLuzia, module: str, words: list[str], told: list[bytes]
) -> None:
    program = f"import sys; sys.modules[{module!r}] = None; sys.argv = ['luzia', 'metrics', *{words!r}]; {MAIN}"
    refused = subprocess.run([sys.executable, "-c", program], env=luzia.env, capture_output=True, timeout=DEADLINE_S)
    assert refused.returncode == 2
    message, extra = told
    assert refused.stderr.splitlines() == [
        b"luzia: " + message,
        f"  In a clone of luzia, run: {sys.executable} -m pip install '.[{extra.decode()}]'".encode(),
    ]


needs_prometheus = pytest.mark.skipif(not shutil.which("promtool"), reason="prometheus is not installed")


@needs_prometheus
def test_promtool_accepts_the_metrics_and_the_alerts(luzia: PrivateLuzia) -> None:
    luzia.client().wait([luzia.shell("true")])
    printed = luzia.run("metrics", "--once").stdout
    checked = subprocess.run(["promtool", "check", "metrics"], input=printed, capture_output=True, timeout=DEADLINE_S)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
    rules = subprocess.run(
        ["promtool", "check", "rules", str(DOCS / "alerts.yml")], capture_output=True, timeout=DEADLINE_S
    )
    assert rules.returncode == 0, rules.stdout + rules.stderr


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Starts a real Prometheus that scrapes an address; returns the URL of its API."""
    started: list[subprocess.Popen[str]] = []

    def start(target: str) -> str:
        config = tmp_path / "prometheus.yml"
        config.write_text(
            "global: {scrape_interval: 1s}\n"
            f"rule_files: [{DOCS / 'alerts.yml'}]\n"
            f"scrape_configs: [{{job_name: luzia, static_configs: [{{targets: ['{target}']}}]}}]\n"
        )
        words = [f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}"]
        process = subprocess.Popen(
            ["prometheus", *words, "--web.listen-address=127.0.0.1:0"], stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stderr is not None
        for line in process.stderr:
            if match := re.search(r'"Listening on" address=(\S+)', line):
                return f"http://{match[1]}/api/v1/"
        pytest.fail("prometheus did not start")

    yield start
    for process in started:
        process.kill()
        process.communicate()


def query(api: str, expression: str) -> list[dict[str, Any]]:
    words = urllib.parse.urlencode({"query": expression})
    with urllib.request.urlopen(f"{api}query?{words}", timeout=DEADLINE_S) as reply:
        return list(json.load(reply)["data"]["result"])


@needs_prometheus
def test_a_real_prometheus_scrapes_a_real_run_and_answers_the_dashboard(
    luzia: PrivateLuzia, prometheus: Callable[[str], str]
) -> None:
    client = luzia.client()
    _, url = serve(luzia)
    api = prometheus(urllib.parse.urlsplit(url).netloc)
    client.wait([luzia.shell("true"), luzia.shell("false")])
    until(
        lambda: [found["value"][1] for found in query(api, "sum(luzia_attempts_ended_total)")] == ["2"],
        "both attempts are scraped",
    )
    assert query(api, "luzia_up")[0]["value"][1] == "1"
    dashboard = json.loads((DOCS / "dashboard.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(expressions) > 15
    known = {name for name, _ in scrape(url)} | {
        f"luzia_{name}"
        for name in (
            "cost_usd_total",
            "tokens_total",
            "budget_remaining_usd",
            "usage_limit_reset_timestamp_seconds",
            "schedule_last_success_timestamp_seconds",
        )
    }
    for expression in expressions:
        assert set(re.findall(r"luzia_\w+", expression)) <= known, expression
        query(api, expression.replace('"$instance"', '".*"').replace("$__rate_interval", "1m"))
    until(lambda: len(json.load(urllib.request.urlopen(f"{api}rules"))["data"]["groups"]) == 1, "the rules are loaded")
