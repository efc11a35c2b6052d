"""The web page with real work: questions, reviews, many jobs at once, graphs and schedules, on every screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import dispatch, ended, eventually, private_daemon, status
from web_scene import COLOURS, DATA, Scene, scene
from web_server import Screen, WebServer, web_server

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1440, "height": 900}


@pytest.fixture(scope="module")
def place(browser: Any) -> Iterator[Scene]:
    with scene() as made:
        yield made


@pytest.fixture(scope="module")
def server(place: Scene) -> Iterator[WebServer]:
    with web_server(place.daemon) as started:
        yield started


def entry(job: str) -> str:
    """The entry of a job in the inbox."""
    return f".entry:has(code:text('{job}'))"


PAGES = {
    "inbox": ".group",
    "jobs": ".job-row a",
    "job/{running}": ".log-row",
    "job/{permission}": ".question",
    "job/{done}": ".log-row",
    "job/{done}/details": "dl",
    "job/{changed}/changes": ".diff-line.added",
    "job/{changed}/timeline": ".events li",
    "job/{graph}/graph": "a.node",
    "schedules": ".entry",
    "spend": ".chart canvas",
    "machine": "table",
}


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_every_page_is_accessible_and_fits(
    browser: Any, server: WebServer, place: Scene, size: dict[str, int], colours: str
) -> None:
    screen = Screen(
        browser, server, viewport=size, color_scheme=colours, reduced_motion="reduce", is_mobile=size is PHONE
    )
    try:
        page = screen.page
        source = (DATA / "web" / "axe.min.js").read_text()
        for name, awaited in PAGES.items():
            screen.go("#/" + name.format(**place.jobs))
            page.wait_for_selector(awaited)
            page.evaluate(source)
            found = page.evaluate("async () => (await axe.run(document, { resultTypes: ['violations'] })).violations")
            faults = [(name, each["id"], node["html"][:160]) for each in found for node in each["nodes"]]
            assert faults == []
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], name
        for key, label in {"n": "Dispatch a job", "?": "Keys", "Control+k": "Find"}.items():
            page.keyboard.press(key)
            page.wait_for_selector(f"dialog[open][aria-label='{label}']")
            found = page.evaluate("async () => (await axe.run(document, { resultTypes: ['violations'] })).violations")
            assert [(label, each["id"], each["nodes"][0]["html"][:160]) for each in found] == []
            page.keyboard.press("Escape")
            page.wait_for_selector("dialog", state="detached")
        assert page.evaluate(MOVING) == []
        screen.check()
    finally:
        screen.close()


MOVING = """[...document.querySelectorAll("*")].filter(
    (each) => getComputedStyle(each).transitionDuration.split(",").some((time) => parseFloat(time) > 0),
).map((each) => each.tagName)"""
"""The elements that would move although the user wants no motion."""


def test_a_permission_is_given_in_the_inbox_and_reaches_the_agent(screen: Screen, place: Scene) -> None:
    page = screen.page
    with place.daemon.connect() as wire:
        job = place.ask(wire, ["Bash", {"command": "make clean <b>all</b>"}])
        page.wait_for_selector(f"{entry(job)} .question")
        assert "make clean <b>all</b>" in page.inner_text(f"{entry(job)} pre")
        page.click(f"{entry(job)} button:has-text('Allow')")
        page.wait_for_selector(entry(job), state="detached")
        assert [each["state"] for each in ended(wire, job)] == ["completed"]
    assert '"behavior": "allow"' in (place.daemon.project / "told").read_text().splitlines()[-1]


def test_a_permission_is_denied_with_a_reason(screen: Screen, place: Scene) -> None:
    page = screen.page
    with place.daemon.connect() as wire:
        job = place.ask(wire, ["Bash", {"command": "rm -rf /"}])
        screen.go(f"#/job/{job}")
        page.fill(".question input", "use make clean")
        page.click(".question button:has-text('Deny')")
        ended(wire, job)
    told = (place.daemon.project / "told").read_text().splitlines()[-1]
    assert '"behavior": "deny"' in told
    assert "use make clean" in told


def reason_is_typed(page: Any, question: str, reason: str) -> bool:
    """Type the reason of a denial by keys alone; False while the page is still on its way to that question."""
    shown = page.locator(".question")
    if shown.count() != 1 or question not in shown.inner_text():
        return False
    for key, place in (("a", ".question button"), ("t", ".question input")):
        page.keyboard.press(key)
        if not page.evaluate("place => document.activeElement.matches(place)", place):
            return False
    page.keyboard.insert_text(reason)
    return bool(shown.locator("input").input_value() == reason)


def test_a_permission_is_given_by_keys_alone(screen: Screen, place: Scene) -> None:
    page = screen.page
    with place.daemon.connect() as wire:
        job = place.ask(wire, ["Bash", {"command": "make keys"}], ["Bash", {"command": "make more"}])
        screen.go(f"#/job/{job}")
        page.wait_for_selector(".question-detail:has-text('make keys')")
        page.keyboard.press("a")
        page.keyboard.press("y")
        eventually(lambda: (status(wire, job)["question"] or {}).get("text") == "make more")
        eventually(lambda: reason_is_typed(page, "make more", "that is enough"))
        page.keyboard.press("Enter")
        ended(wire, job)
    assert "that is enough" in (place.daemon.project / "told").read_text().splitlines()[-1]


def test_a_question_is_answered_by_choosing_an_option(screen: Screen, place: Scene) -> None:
    page = screen.page
    with place.daemon.connect() as wire:
        job = place.ask(wire, ["AskUserQuestion", {"questions": [COLOURS]}])
        page.click(f"{entry(job)} .option:has-text('Blue')")
        page.click(f"{entry(job)} button:has-text('Answer')")
        ended(wire, job)
    assert "Blue" in (place.daemon.project / "told").read_text().splitlines()[-1]


def test_the_inbox_says_when_nothing_is_needed(browser: Any, server: WebServer, place: Scene) -> None:
    screen = Screen(browser, server)
    page = screen.page
    page.wait_for_selector(".group")
    for group in ("Work to review", "Failures"):
        if page.locator(f"[aria-label='{group}'] >> text=Mark all as seen").count():
            page.click(f"[aria-label='{group}'] >> text=Mark all as seen")
    page.wait_for_selector("[aria-label='Failures']", state="detached")
    page.reload()
    page.wait_for_selector(".group")
    assert page.locator("[aria-label='Failures']").count() == 0
    screen.close()


def test_the_work_of_a_job_is_reviewed_by_file_and_merged(screen: Screen, place: Scene) -> None:
    page = screen.page
    with place.daemon.connect() as wire:
        job = place.changed(wire, "echo '<script>x</script>' > page.html; echo two >> README")
        screen.go(f"#/job/{job}/changes")
        page.wait_for_selector(".file >> nth=1")
        assert page.inner_text(".file:has-text('page.html') .added") == "+<script>x</script>"
        assert page.locator(".file:has-text('page.html') .diff-line").count() == 2  # its place, and the line
        page.click("text=Merge into main")
        page.wait_for_selector(".toast:has-text('Merged 1 commit into main')")
        assert (place.daemon.project / "page.html").read_text() == "<script>x</script>\n"
        assert status(wire, job)["state"] == "completed"


def test_the_changed_words_of_a_line_are_marked(screen: Screen, place: Scene) -> None:
    page = screen.page
    place.project.write("words.py", "result = first_sum(items, 0)\nkept\nall of this goes\n")
    place.project.commit("words")
    with place.daemon.connect() as wire:
        job = place.changed(wire, "printf 'result = sum(items, 1)\\nkept\\n42\\n' > words.py")
        screen.go(f"#/job/{job}/changes")
        page.wait_for_selector(".diff-line.added mark")
        assert page.locator(".diff-line.deleted mark").all_inner_texts() == ["first_sum", "0"]
        assert page.locator(".diff-line.added mark").all_inner_texts() == ["sum", "1"]
        assert page.inner_text(".diff-line.added >> nth=0") == "+result = sum(items, 1)"
        ended(wire, job)


def test_jobs_that_change_the_same_files_say_so_as_soon_as_it_is_found(screen: Screen, place: Scene) -> None:
    page = screen.page
    place.project.write("shared.txt", "one\n")
    place.project.commit("a shared file")
    with place.daemon.connect() as wire:
        first = place.changed(wire, "echo two > shared.txt")
        gate = place.daemon.root / "collided"
        task = f"while [ ! -e {gate} ]; do sleep 0.05; done; echo three > shared.txt; rm {gate}; cat; sleep 1000"
        second = dispatch(wire, task, worktree=True)
        screen.go(f"#/job/{second}")
        page.wait_for_selector(".job-facts")
        gate.touch()
        page.wait_for_selector(f".doing-line:has-text('Job {first} changes the same files: shared.txt; git cannot')")
        screen.go("#/inbox")
        page.wait_for_selector(f"{entry(first)} .doing-line:has-text('Job {second} changes the same files')")
        wire.ok(op="cancel", job=second)
        ended(wire, second)


def test_a_chosen_hunk_is_merged_alone_and_the_rest_stays(screen: Screen, place: Scene) -> None:
    page = screen.page
    lines = [f"line {number}" for number in range(40)]
    place.project.write("long.txt", "\n".join([*lines, ""]))
    place.project.commit("a long file")
    with place.daemon.connect() as wire:
        job = place.changed(wire, "sed -i 's/line 3$/first/; s/line 33$/second/' long.txt; echo other > other.txt")
        screen.go(f"#/job/{job}/changes")
        page.check("[aria-label^='Choose the change'][aria-label*='long.txt'] >> nth=0")
        page.click("text=Merge 1 chosen into main")
        page.wait_for_selector(".toast:has-text('Merged what was chosen; 2 files left')")
        page.wait_for_selector(".diff-line.added:has-text('first')", state="detached")
        assert page.inner_text(".file:has-text('long.txt') .added") == "+second"
        merged = (place.daemon.project / "long.txt").read_text()
        assert ("first" in merged, "second" in merged, (place.daemon.project / "other.txt").exists()) == (
            True,
            False,
            False,
        )
        page.check("[aria-label='Choose other.txt']")
        page.click("text=Merge 1 chosen into main")
        page.wait_for_selector(".file:has-text('other.txt')", state="detached")
        assert (place.daemon.project / "other.txt").read_text() == "other\n"


def test_a_job_is_sent_back_with_a_comment_on_a_line(screen: Screen, place: Scene) -> None:
    page = screen.page
    with place.daemon.connect() as wire:
        job = dispatch(wire, "write a greeting", agent="claude", worktree=True)
        ended(wire, job)
        tree = Path(status(wire, job)["worktree"]["path"])
        (tree / "greeting.txt").write_text("hello\nworld\n")
        screen.go(f"#/job/{job}/changes")
        page.click("[aria-label='Comment on line 2 of greeting.txt']")
        page.fill("[aria-label='Comment on line 2']", "say moon")
        page.click("text=Send back with 1 comment")
        page.wait_for_selector(".toast:has-text('Sent back')")
        ended(wire, job)
        assert "greeting.txt:2" in status(wire, job)["attempts"][-1]["message"]


def test_a_conflict_is_refused_with_its_files_and_changes_nothing(screen: Screen, place: Scene) -> None:
    page = screen.page
    with place.daemon.connect() as wire:
        job = place.changed(wire, "echo ours > conflict.txt")
        place.project.write("conflict.txt", "theirs\n")
        place.project.commit("theirs")
        before = place.project.git("rev-parse", "HEAD")
        screen.go(f"#/job/{job}/changes")
        page.click("text=Merge into main")
        page.wait_for_selector(".toast.bad:has-text('conflict.txt')")
        assert place.project.git("rev-parse", "HEAD") == before
        assert status(wire, job)["worktree"] is not None


def test_work_is_discarded_after_a_question_and_restored(screen: Screen, place: Scene) -> None:
    page = screen.page
    with place.daemon.connect() as wire:
        job = place.changed(wire, "echo discard > me.txt")
        screen.go(f"#/job/{job}/changes")
        page.click("button:has-text('Discard')")
        page.click("dialog button:has-text('Keep')")
        assert status(wire, job)["worktree"] is not None
        page.click("button:has-text('Discard')")
        page.click("dialog button:has-text('Discard')")
        page.wait_for_selector("text=The work was discarded.")
        page.click("text=Restore it")
        page.wait_for_selector(".file:has-text('me.txt')")


def test_an_action_is_applied_to_all_that_match(screen: Screen, place: Scene) -> None:
    page = screen.page
    with place.daemon.connect() as wire:
        jobs = [dispatch(wire, f"echo {number}", hold=True, tags={"batch": "7"}) for number in range(150)]
        other = dispatch(wire, "echo other", hold=True)
        screen.go("#/jobs?state=queued&tags=batch%3D7")
        page.wait_for_selector(f"[data-job='{jobs[-1]}'], [data-job='{jobs[0]}']")
        page.check("[aria-label='Select the loaded jobs']")
        page.click("text=Select all that match")
        page.click(".selection button:has-text('Cancel')")
        page.click("dialog button:has-text('Cancel')")
        states = {each["state"] for each in ended(wire, *jobs)}
        assert states == {"cancelled"}
        assert status(wire, other)["state"] == "queued"
        page.wait_for_selector("text=No job matches.")


def test_jobs_are_found_by_words(screen: Screen, place: Scene) -> None:
    page = screen.page
    screen.go("#/jobs")
    page.wait_for_selector("#jobs-search")
    page.keyboard.press("/")
    page.keyboard.type("fix login")
    page.wait_for_selector(".job-row:has-text('fix the login button')")
    screen.wait("document.querySelectorAll('.job-row[data-job]').length === 1")
    page.fill("#jobs-search", "no such words at all")
    page.wait_for_selector("text=No job matches.")


def test_jobs_are_found_by_what_their_agents_have_printed(screen: Screen, place: Scene) -> None:
    with place.daemon.connect() as wire:
        job = dispatch(wire, "printf 'the <b>need%s</b> in the hay\\n' le", agent="shell")
        ended(wire, job)
    page = screen.page
    screen.go("#/jobs")
    page.fill("#jobs-search", "needle hay")
    found = page.locator("[aria-label='Found in texts']")
    found.wait_for()
    assert found.locator("mark").all_inner_texts() == ["needle", "hay"]
    assert "the <b>needle</b> in the hay" in found.inner_text()
    assert "transcript of attempt 1" in found.inner_text()
    found.locator("a").first.click()
    page.wait_for_url(f"**/#/job/{job}*")
    screen.go("#/jobs")
    page.fill("#jobs-search", '"half a phrase')
    page.wait_for_selector("text=a quotation mark is missing")


def test_the_graph_is_live_and_used_by_keys(screen: Screen, place: Scene) -> None:
    page = screen.page
    screen.go(f"#/job/{place.jobs['graph']}/graph")
    page.wait_for_selector("a.node >> nth=3")
    assert page.locator(".edge").count() == 4
    page.focus("a.node >> nth=0")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    screen.wait("location.hash.endsWith('/graph')")
    page.click("[aria-label='Zoom in']")
    page.wait_for_selector("text=125%")


def test_a_schedule_is_run_paused_and_resumed(screen: Screen, place: Scene) -> None:
    page = screen.page
    screen.go("#/schedules")
    page.click(".entry:has-text('nightly') button:has-text('Pause')")
    page.wait_for_selector(".entry .pill:has-text('paused')")
    page.click(".entry button:has-text('Resume')")
    page.wait_for_selector(".entry .pill", state="detached")
    page.click(".entry button:has-text('Run now')")
    screen.wait("location.hash.startsWith('#/job/')")
    with place.daemon.connect() as wire:
        job = status(wire, page.evaluate("location.hash.split('/')[2]"))
    assert job["run_of"]["schedule"] == "nightly"


def test_colours_are_switched_and_kept(screen: Screen) -> None:
    page = screen.page
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("text=Settings")
    page.click("text=dark")
    page.click("dialog button:has-text('Close')")
    changed = f"getComputedStyle(document.body).backgroundColor !== '{before}'"
    screen.wait(changed)
    page.reload()
    page.wait_for_selector("nav.navigation")
    screen.wait(changed)


def test_a_read_only_page_offers_no_action(browser: Any, place: Scene) -> None:
    with private_daemon() as daemon, web_server(daemon, "--read-only") as server, daemon.connect() as wire:
        job = dispatch(wire, "sleep 1000")
        screen = Screen(browser, server)
        for name in ("inbox", "jobs", f"job/{job}", "machine"):
            screen.go(f"#/{name}")
            screen.page.wait_for_selector("h1")
        screen.go(f"#/job/{job}")
        screen.page.wait_for_selector("[data-testid='state']:has-text('running')")
        assert screen.page.locator("header button").count() == 0
        screen.page.keyboard.press("c")
        assert screen.page.locator("dialog").count() == 0
        screen.close()
        wire.ok(op="cancel", job=job)
        eventually(lambda: status(wire, job)["state"] == "cancelled", "its end")
