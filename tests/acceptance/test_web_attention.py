"""What the page says while nobody looks at it: its title, its icon and notices; and that it can be installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support import PrivateDaemon, dispatch, ended
from web_scene import BASH, Scene, scene
from web_server import Screen, WebServer

ICON = "document.querySelector('link[rel=icon]').getAttribute('href')"
HIDE = """() => {
    Object.defineProperty(document, "hidden", { get: () => true, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
"""A headless browser shows all its tabs: the page is told that it is hidden."""
NOTICES = """
window.told = [];
window.Notification = class extends Notification {
    constructor(title, options) {
        super(title, options);
        window.told.push([title, options.body, this]);
    }
};
"""
"""Keeps the notices of the browser, which no page can read back."""


@pytest.fixture(scope="module")
def place() -> Iterator[Scene]:
    with scene() as made:
        yield made


@pytest.fixture(scope="module")
def daemon(place: Scene) -> PrivateDaemon:
    return place.daemon


def see_everything(page: Any) -> None:
    """Mark what has ended as seen; questions and limits stay."""
    page.wait_for_selector(".group")
    for group in ("Work to review", "Failures"):
        if page.locator(f"[aria-label='{group}'] >> text=Mark all as seen").count():
            page.click(f"[aria-label='{group}'] >> text=Mark all as seen")


def test_the_title_and_the_icon_count_what_needs_the_user(screen: Screen, daemon: PrivateDaemon) -> None:
    page = screen.page
    see_everything(page)
    before = page.locator(".entry").count()
    screen.wait(f"document.title === '({before}) luzia'")
    icon = page.evaluate(ICON)
    assert icon.startswith("data:image/png;base64,")
    with daemon.connect() as wire:
        job = dispatch(wire, "exit 3")
        ended(wire, job)
        screen.wait(f"document.title === '({before + 1}) luzia'")
        assert page.evaluate(ICON) not in (icon, "/icon.svg")
        page.click(f".entry:has(code:text('{job}')) button:has-text('Seen')")
    screen.wait(f"document.title === '({before}) luzia'")
    assert page.evaluate(ICON) == icon


def test_without_anything_to_do_the_icon_is_that_of_luzia(screen: Screen) -> None:
    screen.page.evaluate("import('/parts/attention.js').then((of) => { of.updateTitle(3); of.updateTitle(0); })")
    screen.wait(f"document.title === 'luzia' && {ICON} === '/icon.svg'")


def test_a_hidden_tab_tells_of_questions_and_ends_where_that_is_allowed(
    browser: Any, server: WebServer, place: Scene
) -> None:
    with Screen.opened(browser, server, permissions=["notifications"]) as screen, place.daemon.connect() as wire:
        page = screen.page
        page.add_init_script(NOTICES)
        page.reload()
        page.click("button:has-text('Settings')")
        page.check("text=Notifications of the browser")
        page.click("dialog button:has-text('Close')")
        page.evaluate(HIDE)
        failed = dispatch(wire, "exit 4")
        ended(wire, failed)
        asking = place.ask(wire, BASH)
        for job in (failed, asking):
            screen.wait(f"window.told.some(([title]) => title.includes('{job}'))")
        told = {title.partition(": ")[2]: text for title, text, _ in page.evaluate("window.told")}
        assert told[f"job {failed} has ended"].startswith("failed")
        assert told[f"job {asking} asks a question"] == "rm -rf build && make test"
        page.evaluate(f"window.told.find(([title]) => title.includes('{asking}'))[2].onclick()")
        assert page.evaluate("location.hash") == f"#/job/{asking}"
        wire.ok(op="answer", job=asking, words=["allow"])
        ended(wire, asking)


def test_without_permission_there_are_no_notices(browser: Any, server: WebServer, daemon: PrivateDaemon) -> None:
    with Screen.opened(browser, server) as screen, daemon.connect() as wire:
        page = screen.page
        page.add_init_script(NOTICES)
        page.reload()
        page.wait_for_selector("nav.navigation")
        page.evaluate(HIDE)
        ended(wire, dispatch(wire, "exit 5"))
        page.click("a:has-text('Jobs')")
        page.wait_for_selector(".job-row:has-text('exit 5') .tone-bad")
        assert page.evaluate("window.told") == []


def test_the_page_can_be_installed(screen: Screen) -> None:
    devtools = screen.context.new_cdp_session(screen.page)
    manifest = devtools.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert manifest["url"].endswith("/manifest.webmanifest")
    found = devtools.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert {each["errorId"] for each in found} <= {"in-incognito"}  # as every tab of these tests is


@pytest.mark.parametrize("part", ["Output", "Timeline", "Changes", "Graph", "Details"])
def test_each_part_of_a_job_has_a_link_of_its_own(screen: Screen, place: Scene, part: str) -> None:
    page = screen.page
    page.goto(f"{page.url.partition('#')[0]}#/job/{place.jobs['changed']}/{part.lower()}")
    page.reload()
    page.wait_for_selector(f".tabs a[aria-current='page']:text-is('{part}')")
