"""What the lists, the output, the timeline and the details of the page show, and how they are narrowed down."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support import PrivateDaemon, dispatch, ended
from web_scene import Scene, scene
from web_server import Screen

ROWS = ".job-row:not(.job-head)"
LOUD = """
[agents.loud]
command = ["sh", "-c", "echo 3 tests failed >&2", "{task}"]
"""


@pytest.fixture(scope="module")
def place() -> Iterator[Scene]:
    with scene() as made:
        yield made


@pytest.fixture(scope="module")
def daemon(place: Scene) -> PrivateDaemon:
    return place.daemon


def count(screen: Screen, selector: str, number: int) -> None:
    """Wait until there are so many elements."""
    screen.wait(f"document.querySelectorAll({selector!r}).length === {number}")


def test_jobs_are_grouped_by_need_or_in_one_list_in_another_order(screen: Screen) -> None:
    page = screen.page
    screen.go("#/jobs")
    page.wait_for_selector(ROWS)
    assert page.locator(".group-label").all_inner_texts() == ["QUESTIONS", "ACTIVE", "QUEUED", "ENDED"]
    page.select_option("[aria-label=Order]", "created")
    count(screen, ".group-label", 0)
    assert "sort=created" in page.url


def test_jobs_are_filtered_by_tag_time_and_state(screen: Screen) -> None:
    page = screen.page
    screen.go("#/jobs")
    page.wait_for_selector(ROWS)
    page.fill("[aria-label=Tags]", "ticket=412")
    page.keyboard.press("Enter")
    count(screen, ROWS, 1)
    assert "build the site" in page.inner_text(ROWS)
    screen.go("#/jobs?since=1&state=failed")
    count(screen, ROWS, 1)
    assert "run the tests of the shop" in page.inner_text(ROWS)


def test_a_transcript_is_folded_or_raw_and_stderr_is_shown_beside_it(
    place: Scene, screen: Screen, daemon: PrivateDaemon
) -> None:
    page = screen.page
    screen.go(f"#/job/{place.jobs['done']}")
    page.wait_for_selector(".log-row:has-text('File created successfully')")
    page.check("text=fold results")
    page.wait_for_selector(".log-row:has-text('File created successfully')", state="detached")
    assert page.locator(".log-row:has-text('Done: I wrote hello.txt')").count() > 0
    page.click("text=raw")
    screen.wait("[...document.querySelectorAll('.log-row')].map((row) => row.innerText).join('').includes('num_turns')")
    with daemon.connect() as wire:
        with daemon.config_file.open("a") as file:
            file.write(LOUD)
        wire.ok(op="reload")
        job = dispatch(wire, "run the tests", project="website", agent="loud")
        ended(wire, job)
    screen.go(f"#/job/{job}")
    page.click(".segments >> text=stderr")
    page.wait_for_selector(".log-row:has-text('3 tests failed')")


def test_the_output_is_searched_up_and_down(place: Scene, screen: Screen, daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire:
        job = dispatch(
            wire, "for n in $(seq 500); do echo line $n; done; echo needle $n; echo the end", project="website"
        )
        ended(wire, job)
    page = screen.page
    screen.go(f"#/job/{job}")
    page.wait_for_selector(".log-row:has-text('the end')")
    page.fill("[aria-label='Search the output']", "LINE 42")
    page.keyboard.press("Enter")
    page.wait_for_selector(".log-row.found:has-text('line 429')")
    page.keyboard.press("Enter")
    page.wait_for_selector(".log-row.found:has-text('line 428')")
    page.keyboard.press("Shift+Enter")
    page.wait_for_selector(".log-row.found:has-text('line 429')")


def test_each_attempt_has_its_output(screen: Screen, daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire:
        job = dispatch(
            wire, "echo this is attempt $LUZIA_ATTEMPT; exit 1", project="website", retries=1, backoff_s=[0.05]
        )
        ended(wire, job)
    page = screen.page
    screen.go(f"#/job/{job}")
    page.wait_for_selector(".log-row:has-text('this is attempt 2')")
    page.select_option(".log-bar select", "1")
    page.wait_for_selector(".log-row:has-text('this is attempt 1')")


def test_the_timeline_is_scrubbed_through(place: Scene, screen: Screen) -> None:
    page = screen.page
    screen.go(f"#/job/{place.jobs['failed']}/timeline")
    page.wait_for_selector(".events li")
    assert "failed" in page.inner_text(".events [aria-current=step]")
    page.focus(".scrub input")
    page.keyboard.press("Home")
    screen.wait("document.querySelector('.events [aria-current=step]').innerText.includes('dispatched')")
    page.keyboard.press("ArrowRight")
    screen.wait("!document.querySelector('.events [aria-current=step]').innerText.includes('dispatched')")


def test_the_details_name_variables_and_show_no_values_and_a_plan_is_listed(
    place: Scene, screen: Screen, daemon: PrivateDaemon
) -> None:
    with daemon.connect() as wire:
        job = dispatch(wire, "true", project="website", env={"DEPLOY_KEY": "s3cret-value"})
        ended(wire, job)
    page = screen.page
    screen.go(f"#/job/{job}/details")
    page.wait_for_selector("dd:has-text('DEPLOY_KEY')")
    assert "s3cret-value" not in page.content()
    screen.go(f"#/job/{place.jobs['done']}")
    page.click(".plan summary")
    assert page.locator(".plan li").count() == 1


def test_sub_jobs_stand_below_their_parent_in_its_graph(screen: Screen, daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire:
        parent = dispatch(wire, "sleep 600", project="website")
        child = dispatch(wire, "true", project="website", parent=parent)
        page = screen.page
        screen.go(f"#/job/{parent}/graph")
        page.wait_for_selector(f"[data-job='{child}']")
        assert page.locator(".edge-parent").count() == 1
        wire.ok(op="cancel", job=parent)
        ended(wire, parent)


def test_the_runs_of_a_schedule_are_its_history(screen: Screen) -> None:
    page = screen.page
    screen.go("#/schedules")
    page.click("text=Run now")
    screen.wait("location.hash.startsWith('#/job/')")
    screen.go("#/schedules")
    page.click("text=history")
    page.wait_for_selector(f"{ROWS}:has-text('look for broken links')")
    screen.go("#/schedules")
    page.click("text=Next runs")
    count(screen, ".runs li", 5)
