"""The files of the page, from memory: a page is some forty small modules, which a browser requests all at once."""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_TYPES = {".webmanifest": "application/manifest+json", ".js": "text/javascript"}


class PageFiles:
    """The files below a directory by their paths, each read once. No other file can be requested."""

    def __init__(self, directory: Path) -> None:
        self._files = {
            f"/{path.relative_to(directory)}": path for path in directory.rglob("*") if path.suffix and path.is_file()
        }
        self._files["/"] = directory / "index.html"
        self._replies: dict[str, tuple[bytes, dict[str, str]]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reply with a file, or with 304 if the browser has it."""
        await self._response(scope)(scope, receive, send)

    def _response(self, scope: Scope) -> Response:
        if scope["method"] not in ("GET", "HEAD"):
            return Response("method not allowed\n", 405, {"allow": "GET, HEAD"}, media_type="text/plain")
        if scope["path"] not in self._files:
            return Response("not found\n", 404, media_type="text/plain")
        body, headers = self._reply(scope["path"])
        if Headers(scope=scope).get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers={"etag": headers["etag"]})
        return Response(body, headers=headers)

    def _reply(self, path: str) -> tuple[bytes, dict[str, str]]:
        if path not in self._replies:
            file = self._files[path]
            body = file.read_bytes()
            kind = _TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            kind += "; charset=utf-8" if kind.startswith("text/") else ""
            digest = hashlib.sha256(body).hexdigest()[:32]
            self._replies[path] = (body, {"content-type": kind, "etag": f'"{digest}"'})
        return self._replies[path]
