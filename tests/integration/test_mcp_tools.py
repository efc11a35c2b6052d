"""Agents dispatch jobs, and get their results, with the tools of luzia's MCP server."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_agent import ERAS, McpLuzia, mcp_luzia, value, words


@pytest.fixture
def served() -> Iterator[McpLuzia]:
    with mcp_luzia() as luzia:
        yield luzia


@pytest.mark.parametrize("era", ERAS)
async def test_a_job_is_dispatched_waited_for_and_shown(served: McpLuzia, era: str) -> None:
    async with served.agent(era) as agent:
        task = {"task": "echo one; echo two", "agent": "shell"}
        job = value(await agent.call_tool("dispatch", task))["job"]
        waited = value(await agent.call_tool("wait", {"jobs": [job]}))
        assert (waited["ended"], [each["state"] for each in waited["jobs"]]) == (True, ["completed"])
        shown = value(await agent.call_tool("status", {"job": job}))
        assert (shown["outcome"], shown["exit_code"], shown["project"]) == ("completed", 0, "project")
        log = value(await agent.call_tool("logs", {"job": job, "lines": 1}))
        assert (log["text"], log["truncated"], log["ended"]) == ("two\n", True, True)
        listed = value(await agent.call_tool("list", {"states": ["completed"]}))
        assert [each["job"] for each in listed["jobs"]] == [job]


@pytest.mark.parametrize("era", ERAS)
async def test_a_job_has_its_name_in_every_result_and_is_found_by_it(served: McpLuzia, era: str) -> None:
    job = served.luzia.client().dispatch(served.luzia.project, "exit 3", agent="shell", name="nightly-build").job
    async with served.agent(era) as agent:
        waited = value(await agent.call_tool("wait", {"jobs": ["nightly-build"]}))
        assert [(each["job"], each["name"]) for each in waited["jobs"]] == [(job, "nightly-build")]
        shown = value(await agent.call_tool("status", {"job": "nightly-build"}))
        assert (shown["job"], shown["name"], shown["exit_code"]) == (job, "nightly-build", 3)
        (listed,) = value(await agent.call_tool("list", {}))["jobs"]
        assert (listed["job"], listed["name"]) == (job, "nightly-build")


@pytest.mark.parametrize("era", ERAS)
async def test_jobs_are_found_by_words(served: McpLuzia, era: str) -> None:
    async with served.agent(era) as agent:
        tasks = ("echo the LOGIN form", "echo the logout form")
        login, logout = [
            value(await agent.call_tool("dispatch", {"task": task, "agent": "shell"}))["job"] for task in tasks
        ]
        for words_of_it, expected in (("login FORM", [login]), ("form", [logout, login]), ("form parser", [])):
            listed = value(await agent.call_tool("list", {"search": words_of_it}))
            assert [each["job"] for each in listed["jobs"]] == expected
        assert "at most 16 words" in words(await agent.call_tool("list", {"search": "x " * 17}))


@pytest.mark.parametrize("era", ERAS)
async def test_jobs_are_found_by_their_transcripts(served: McpLuzia, era: str) -> None:
    async with served.agent(era) as agent:
        job = value(await agent.call_tool("run", {"task": "printf 'amber%s here' needle", "agent": "shell"}))["jobs"][0]
        found: dict[str, list[dict[str, object]]] = {}
        while not found.get("found"):
            found = value(await agent.call_tool("search", {"words": "amberneedle here"}))
        (hit,) = found["found"]
        assert (hit["job"], hit["where"], hit["attempt"]) == (job["job"], "transcript", 1)
        assert hit["excerpt"] == "*amberneedle* *here*"
        assert "quotation mark" in words(await agent.call_tool("search", {"words": '"open'}))


@pytest.mark.parametrize("era", ERAS)
async def test_a_job_is_run_in_one_call(served: McpLuzia, era: str) -> None:
    async with served.agent(era) as agent:
        ran = value(await agent.call_tool("run", {"task": "exit 3", "agent": "shell"}))
    assert ran["ended"]
    assert (ran["jobs"][0]["state"], ran["jobs"][0]["exit_code"]) == ("failed", 3)


@pytest.mark.parametrize("era", ERAS)
async def test_a_wait_ends_in_time_and_says_how_to_go_on(served: McpLuzia, era: str) -> None:
    async with served.agent(era) as agent:
        job = value(await agent.call_tool("dispatch", {"task": "exec sleep 600", "agent": "shell"}))["job"]
        waited = value(await agent.call_tool("wait", {"jobs": [job], "timeout_s": 0.1}))
        assert not waited["ended"]
        assert job in waited["next"]
        cancelled = value(await agent.call_tool("cancel", {"job": job}))
        assert cancelled["state"] in ("stopping", "cancelled")
        waited = value(await agent.call_tool("wait", {"jobs": [job]}))
        assert waited["jobs"][0]["outcome"] == "cancelled"


@pytest.mark.parametrize("era", ERAS)
async def test_a_wait_tells_the_progress(served: McpLuzia, era: str) -> None:
    told: list[tuple[float, float | None]] = []
    seen, script = (Path(served.luzia.root, name) for name in ("seen", "report.sh"))
    command = shlex.join(served.luzia.command("progress"))
    script.write_text(f"n=0; while [ ! -e {seen} ]; do [ $n -lt 90 ] && n=$((n+1)); {command} $n tests; done")

    async def tell(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total))
        if total == 100 and "tests" in (message or ""):
            seen.touch()

    async with served.agent(era) as agent:
        job = value(await agent.call_tool("dispatch", {"task": f"sh {script}", "agent": "shell"}))["job"]
        waited = value(await agent.call_tool("wait", {"jobs": [job]}, progress_callback=tell))
    assert waited["ended"]
    assert [value for value, _ in told] == sorted({value for value, _ in told}), "it only grows"


@pytest.mark.parametrize("era", ERAS)
async def test_the_tools_say_when_to_use_them_and_what_they_return(served: McpLuzia, era: str) -> None:
    async with served.agent(era) as agent:
        tools = (await agent.list_tools()).tools
    names = "dispatch run wait status list search logs diff answer send cancel"
    assert [tool.name for tool in tools] == names.split()
    for tool in tools:
        assert (tool.description or "").startswith("Use this to "), tool.name
        assert (tool.output_schema or {}).get("type") == "object"
        assert "$ref" not in str(tool.input_schema) + str(tool.output_schema)


@pytest.mark.parametrize("era", ERAS)
async def test_results_have_bounds_whatever_a_job_printed(served: McpLuzia, era: str) -> None:
    async with served.agent(era) as agent:
        ran = value(await agent.call_tool("run", {"task": f"seq 1 30000; : {'é' * 3000}", "agent": "shell"}))
        (job,) = ran["jobs"]
        log = value(await agent.call_tool("logs", {"job": job["job"], "lines": 1000}))
        assert (log["text"].splitlines()[-1], log["text"].count("\n"), log["truncated"]) == ("30000", 1000, True)
        task = {"task": "head -c 100000 /dev/zero | tr '\\0' x", "agent": "shell"}
        wide = value(await agent.call_tool("run", task))["jobs"][0]["job"]
        log = value(await agent.call_tool("logs", {"job": wide}))
        assert (len(log["text"]), log["truncated"], log["resource"]) == (16384, True, f"luzia://jobs/{wide}/log")
        assert len((await agent.read_resource(log["resource"])).contents[0].text) == 100_000  # type: ignore[union-attr]
        listed = value(await agent.call_tool("list", {"limit": 1}))
        assert (len(listed["jobs"]), "next" in listed) == (1, True)
        more = value(await agent.call_tool("list", {"limit": 1, "cursor": listed["next"]}))
        assert (more["jobs"][0]["job"], len(more["jobs"][0]["task"])) == (job["job"], 200)
        assert "`$.limit`" in words(await agent.call_tool("list", {"limit": 51}))
        assert "`$.jobs`" in words(await agent.call_tool("wait", {"jobs": [wide] * 21}))


@pytest.mark.parametrize("era", ERAS)
async def test_what_is_wrong_is_told_in_words(served: McpLuzia, era: str) -> None:
    async with served.agent(era) as agent:
        assert "unknown_job" in words(await agent.call_tool("status", {"job": "nothing"}))
        unknown = words(await agent.call_tool("dispatch", {"task": "true", "project": "nowhere"}))
        assert unknown.startswith("unknown_project: ")
        assert "`jobb`" in words(await agent.call_tool("status", {"jobb": "1"}))
        assert "`$.timeout_s`" in words(await agent.call_tool("wait", {"jobs": ["1"], "timeout_s": 46}))
        huge = words(await agent.call_tool("dispatch", {"task": "x" * 1_048_577, "agent": "shell"}))
        assert huge.startswith("task_too_large: ")
        assert value(await agent.call_tool("list", {}))["jobs"] == []


@pytest.mark.parametrize("era", ERAS)
async def test_a_dispatch_with_a_key_is_made_once(served: McpLuzia, era: str) -> None:
    async with served.agent(era) as agent:
        given = {"task": "true", "agent": "shell", "key": "mine"}
        first, second = [value(await agent.call_tool("dispatch", given)) for _ in range(2)]
    assert first["job"] == second["job"]
    assert (first["created"], second["created"]) == (True, False)
