"""The files of the page: each as it is on the disk, with its type, once for a browser that has it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from starlette.types import Message

from luzia_client.web.files import PageFiles


def reply(files: PageFiles, path: str, method: str = "GET", have: str = "") -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a reply."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    headers = [(b"if-none-match", have.encode())] if have else []
    asyncio.run(files({"type": "http", "path": path, "method": method, "headers": headers}, receive, send))
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, b"".join(each.get("body", b"") for each in sent[1:])


@pytest.fixture
def files(tmp_path: Path) -> PageFiles:
    (tmp_path / "index.html").write_text("<p>page</p>")
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "a.js").write_text("export {}")
    (tmp_path / "app.webmanifest").write_text("{}")
    return PageFiles(tmp_path)


def test_each_file_has_its_type(files: PageFiles) -> None:
    kinds = {path: reply(files, path)[1]["content-type"] for path in ("/", "/core/a.js", "/app.webmanifest")}
    assert kinds == {
        "/": "text/html; charset=utf-8",
        "/core/a.js": "text/javascript; charset=utf-8",
        "/app.webmanifest": "application/manifest+json",
    }
    assert reply(files, "/core/a.js")[2] == b"export {}"


def test_a_browser_that_has_a_file_does_not_get_it_again(files: PageFiles) -> None:
    etag = reply(files, "/core/a.js")[1]["etag"]
    assert reply(files, "/core/a.js", have=etag)[0::2] == (304, b"")
    assert reply(files, "/core/a.js", have='"other"')[0] == 200


@pytest.mark.parametrize("path", ["/none", "/core", "/core/../index.html", "//core/a.js", "/core/a.js/"])
def test_nothing_else_is_served(files: PageFiles, path: str) -> None:
    assert reply(files, path)[0] == 404


def test_files_are_only_read(files: PageFiles) -> None:
    assert reply(files, "/", "POST")[0] == 405
