"""The web server admits only its own page: forged hosts, origins, tokens and sessions are refused."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
from typing import Any

import pytest
from starlette.routing import Route
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from luzia_client.web.access import Access
from luzia_client.web.app import WebApp
from luzia_client.web.credentials import Credentials
from luzia_client.web.operations import OPS, STREAMS
from support import PrivateDaemon, dispatch, ended, eventually, private_daemon
from web_server import WebServer, web_server

pytest_plugins = ["web_fixtures"]


def open_tab(server: WebServer, **headers: str) -> ClientConnection:
    """A web socket as a page opens it."""
    sent = {"cookie": server.cookie, **headers}
    return connect(
        f"ws://{server.host}/api/socket",
        origin=Origin(sent.pop("origin", server.origin)),
        additional_headers=sent,
        proxy=None,
    )


def test_the_api_needs_a_session(server: WebServer) -> None:
    for method in ("GET", "POST"):
        reply = server.request(method, "/api/list", {}, cookie="")
        assert (reply.status, reply.error) == (401, "no_session")
    assert server.request("POST", "/api/list", {}, cookie="luzia-1=guess").status == 401


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost:1"])
@pytest.mark.parametrize("path", ["/", "/main.js", "/api/list"])
def test_another_name_for_its_address_is_refused(server: WebServer, host: str, path: str) -> None:
    assert server.request("GET", path, host=host).status == 421


@pytest.mark.parametrize("origin", ["", "null", "https://evil.example", "http://localhost:1"])
def test_another_origin_may_not_post(server: WebServer, origin: str) -> None:
    for path in ("/api/list", "/api/session"):
        reply = server.request("POST", path, {}, origin=origin)
        assert (reply.status, reply.error) == (403, "foreign_origin")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_page_may_not_even_read(server: WebServer, site: str) -> None:
    assert server.request("GET", "/api/list", sec_fetch_site=site).status == 403
    assert server.request("GET", "/api/list", sec_fetch_site="same-origin").status == 200


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_only_json_may_be_posted(server: WebServer, kind: str) -> None:
    assert server.request("POST", "/api/list", {}, content_type=kind).status == 415


@pytest.mark.parametrize("origin", ["null", "https://evil.example"])
def test_another_origin_may_not_open_a_web_socket(server: WebServer, origin: str) -> None:
    with pytest.raises(InvalidStatus):
        open_tab(server, origin=origin)


def test_a_web_socket_needs_a_session(server: WebServer) -> None:
    with pytest.raises(InvalidStatus):
        open_tab(server, cookie="")


def test_a_link_works_once(server: WebServer) -> None:
    token = server.link().partition("#token=")[2]
    first = server.request("POST", "/api/session", {"token": token}, cookie="")
    cookie = first.headers["set-cookie"]
    assert first.status == 200
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert token not in cookie
    assert server.request("POST", "/api/session", {"token": token}, cookie="").error == "invalid_token"


def test_every_reply_protects_the_page(server: WebServer) -> None:
    replies = [
        server.request("GET", "/"),
        server.request("GET", "/main.js"),
        server.request("GET", "/none"),
        server.request("POST", "/api/list", {}),
        server.request("GET", "/", host="evil.example"),
    ]
    for reply in replies:
        policy = reply.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "require-trusted-types-for 'script'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in reply.headers
    assert replies[3].headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/../app.py", "/%2e%2e/app.py", "//etc/passwd", "/..%2fserver.py"])
def test_only_the_files_of_the_page_are_served(server: WebServer, path: str) -> None:
    assert server.request("GET", path).status in (400, 404)


def test_a_request_is_bounded(server: WebServer) -> None:
    reply = server.request("POST", "/api/dispatch", b'{"project": "' + b"x" * (5 * 1024 * 1024) + b'"}')
    assert (reply.status, reply.error) == (413, "frame_too_large")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b'{"job": 3}', b"\xff\xfe", b'{"job": "' + b"[" * 5000])
def test_bad_input_is_an_error_with_a_message(server: WebServer, body: bytes) -> None:
    reply = server.request("POST", "/api/status", body)
    assert reply.status == 400
    assert reply.json()["error"]["message"]


def test_errors_of_the_daemon_are_its_own(server: WebServer) -> None:
    reply = server.request("POST", "/api/status", {"job": "000000-ffff"})
    assert (reply.status, reply.error) == (404, "unknown_job")
    assert server.request("POST", "/api/nonsense", {}).status == 404


def test_each_op_of_the_protocol_has_a_path_and_a_description(server: WebServer) -> None:
    paths = server.request("GET", "/api/openapi.json").json()["paths"]
    streams = {op for op, kind in OPS.items() if kind in STREAMS}
    assert {path.removeprefix("/api/") for path in paths} >= OPS.keys() - streams
    for op in ("list", "info", "projects", "hello"):
        assert "ok" in server.request("POST", f"/api/{op}", {}).json()


def test_every_path_of_the_server_is_described_with_its_answer(server: WebServer, daemon: PrivateDaemon) -> None:
    document = server.request("GET", "/api/openapi.json").json()
    described = {path for path in document["paths"] if path.removeprefix("/api/") not in OPS}
    built = WebApp(Access((server.origin,)), Credentials(str(daemon.root / "sessions")), daemon.socket).routes
    served = {route.path for route in built if isinstance(route, Route)}
    pages = {path for path in served if path.startswith("/answer/")}  # for people, not for programs
    of_another_host = "/api/hosts/{host}/{op}"  # every op; the description of its output says so
    assert described == served - pages - {"/api/{op}", of_another_host, "/api/openapi.json"}
    assert of_another_host in json.dumps(document)
    assert "RemoveResult" in json.dumps(document["paths"]["/api/remove"])
    for reference in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)):
        assert reference in document["components"]["schemas"]


def test_what_only_reads_can_be_requested_by_a_url(server: WebServer) -> None:
    reply = server.request("GET", "/api/list?limit=2&states=running&states=queued")
    assert reply.json()["ok"]["jobs"] == []
    assert server.request("GET", "/api/cancel?job=x").status == 405


def test_values_of_variables_are_in_no_reply(server: WebServer, daemon: PrivateDaemon) -> None:
    done = server.ok("dispatch", project="overbits", task="true", env={"KEY_FOR_TEST": "s3cret-value"})
    job = done["job"]
    with daemon.connect() as wire:
        ended(wire, job)
    replies = [
        server.request("POST", "/api/status", {"job": job}),
        server.request("POST", "/api/list", {}),
        server.request("GET", "/api/openapi.json"),
    ]
    assert all(b"s3cret-value" not in reply.body for reply in replies)
    assert b"KEY_FOR_TEST" in replies[0].body


def test_a_stream_of_the_web_socket_is_that_of_the_daemon(server: WebServer, daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire, open_tab(server) as tab:
        tab.send(json.dumps({"op": "subscribe", "id": 1, "after": server.ok("list")["seq"]}))
        assert json.loads(tab.recv()) == {"ok": {}, "id": 1}
        job = dispatch(wire, "echo hello")
        kinds = []
        while "ended" not in kinds:
            kinds.append(json.loads(tab.recv())["event"]["kind"])
        assert kinds[0] == "dispatched"
        tab.send(json.dumps({"op": "follow", "id": 2, "job": job}))
        frames: list[dict[str, Any]] = []
        while "end" not in (frames[-1] if frames else {}):
            frames.append(json.loads(tab.recv()))
        assert frames[1]["output"]["data"] == "hello\n"


@pytest.mark.parametrize("text", ["{", "[]", '{"op": "cancel", "id": 1, "job": "x"}', '{"op": "follow", "id": 1}'])
def test_a_web_socket_carries_streams_only(server: WebServer, text: str) -> None:
    with open_tab(server) as tab:
        tab.send(text)
        assert json.loads(tab.recv())["error"]["code"] == "bad_request"


def test_a_wrong_request_is_told_in_the_words_of_the_daemon(daemon: PrivateDaemon, server: WebServer) -> None:
    wrong = server.request("POST", "/api/list", {"limit": "many"})
    assert (wrong.status, wrong.json()["error"]["message"]) == (400, "`limit` must be an integer, not a string")
    with daemon.connect() as wire:
        assert wire.error(op="list", limit="many")["message"] == wrong.json()["error"]["message"]
    with open_tab(server) as tab:
        tab.send('{"op": "follow", "id": 1}')
        assert json.loads(tab.recv())["error"]["message"] == "`job` is missing"


def test_a_tab_has_a_bounded_number_of_streams(server: WebServer) -> None:
    with open_tab(server) as tab:
        for number in range(17):
            tab.send(json.dumps({"op": "subscribe", "id": number}))
        frames = [json.loads(tab.recv()) for _ in range(17)]
        errors = [frame["error"]["code"] for frame in frames if "error" in frame]
        assert errors == ["too_many_streams"]
        tab.send(json.dumps({"op": "unsubscribe", "id": 3}))
        tab.send(json.dumps({"op": "subscribe", "id": 99}))
        assert json.loads(tab.recv()) == {"ok": {}, "id": 99}


def test_events_are_served_to_curl_from_where_it_stopped(server: WebServer, daemon: PrivateDaemon) -> None:
    seq = server.ok("list")["seq"]
    with daemon.connect() as wire:
        ended(wire, dispatch(wire, "true"))
    with socket.create_connection(("127.0.0.1", int(server.host.rpartition(":")[2]))) as plain:
        head = ("GET /api/events HTTP/1.1", f"host: {server.host}", f"cookie: {server.cookie}", f"last-event-id: {seq}")
        plain.sendall("\r\n".join([*head, "", ""]).encode())
        reading = plain.makefile()
        lines: list[str] = []
        while "event: ended\n" not in lines:
            lines.append(reading.readline())
        numbers = [int(line.split()[1]) for line in lines if line.startswith("id: ")]
        assert numbers == sorted(numbers)
        assert numbers[0] > seq


def test_output_can_be_downloaded_exactly(server: WebServer, daemon: PrivateDaemon) -> None:
    with daemon.connect() as wire:
        job = dispatch(wire, "printf 'a\\000\\377<script>'; head -c 3000000 /dev/zero")
        ended(wire, job)
    reply = server.request("GET", f"/api/output?job={job}&stream=stdout")
    assert reply.body == b"a\0\xff<script>" + bytes(3_000_000)
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert reply.headers["content-disposition"] == "attachment"
    assert server.request("GET", "/api/output?job=000000-ffff").status == 404


def test_an_ended_session_ends_its_web_sockets(daemon: PrivateDaemon, server: WebServer) -> None:
    token = server.link().partition("#token=")[2]
    reply = server.request("POST", "/api/session", {"token": token}, cookie="")
    cookie = reply.headers["set-cookie"].partition(";")[0]
    with open_tab(server, cookie=cookie) as tab:
        assert server.request("POST", "/api/session/end", {}, cookie=cookie).status == 200
        with pytest.raises(ConnectionClosed) as caught:
            tab.recv()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 4401
    assert server.request("POST", "/api/list", {}, cookie=cookie).status == 401
    assert server.request("POST", "/api/list", {}).status == 200


def test_the_links_are_only_for_people(daemon: PrivateDaemon, server: WebServer) -> None:
    assert "token" not in server.line + server.said
    control = os.path.join(os.path.dirname(daemon.socket), "web.sock")
    assert os.stat(control).st_mode & 0o777 == 0o600
    again = daemon.run("web")
    assert again.returncode == 2
    assert "already running" in again.stderr


@pytest.mark.parametrize(
    "options", [["--host", "0.0.0.0"], ["--unix", "/tmp/x"], ["--tls-cert", "x"], ["--port", "99999"]]
)
def test_an_address_that_others_can_reach_is_refused(daemon: PrivateDaemon, options: list[str]) -> None:
    with private_daemon() as other:
        refused = other.run("web", *options)
    assert refused.returncode == 2
    assert refused.stderr.startswith("luzia: ")
    assert len(refused.stderr.splitlines()) == 2
    assert "bind()" not in refused.stderr


def test_without_a_server_there_is_no_link() -> None:
    with private_daemon() as other:
        refused = other.run("web", "url")
    assert refused.returncode != 0
    assert "luzia web is not running" in refused.stderr


def test_a_link_is_to_be_had_after_the_runtime_directory_was_deleted() -> None:
    with private_daemon() as other, web_server(other):
        runtime = os.path.dirname(other.socket)
        eventually(lambda: "#token=" in other.run("web", "url").stdout, "the server listens")
        shutil.rmtree(runtime, ignore_errors=True)  # the daemon may make it again meanwhile
        eventually(lambda: "#token=" in other.run("web", "url").stdout, "the server is found again")
        os.rename(runtime, f"{runtime}.old")
        eventually(lambda: "#token=" in other.run("web", "url").stdout, "the server is found again")


def test_a_read_only_server_changes_nothing() -> None:
    with private_daemon() as other, web_server(other, "--read-only") as server:
        server.sign_in()
        for op, fields in {"dispatch": {"project": "overbits", "task": "true"}, "shutdown": {}, "drain": {}}.items():
            reply = server.request("POST", f"/api/{op}", fields)
            assert (reply.status, reply.error) == (403, "read_only")
        assert server.request("POST", "/api/merge", {"job": "x"}).error == "read_only"
        assert server.ok("list")["jobs"] == []


def test_wrong_tokens_are_limited() -> None:
    with private_daemon() as other, web_server(other) as server:
        replies = [server.request("POST", "/api/session", {"token": f"{number}"}) for number in range(11)]
        assert [reply.status for reply in replies] == [401] * 10 + [429]


def test_a_proxy_must_add_its_header() -> None:
    with private_daemon() as other:
        options = ("--origin", "https://luzia.example", "--behind-proxy", "Remote-User=ada", "--port", str(free_port()))
        with web_server(other, *options) as server:
            server.host = "luzia.example"
            port = int(options[-1])
            assert ask(port, server.host) == 403
            assert ask(port, server.host, "remote-user: bob") == 403
            assert ask(port, server.host, "remote-user: ada") == 200
            assert ask(port, f"127.0.0.1:{port}", "remote-user: ada") == 421
            assert server.link().startswith("https://luzia.example/#token=")


def ask(port: int, host: str, header: str = "x: y") -> int:
    """The status of the reply to a request for the page."""
    with socket.create_connection(("127.0.0.1", port)) as plain:
        plain.sendall(f"GET / HTTP/1.1\r\nhost: {host}\r\n{header}\r\nconnection: close\r\n\r\n".encode())
        return int(plain.makefile("rb").readline().split()[1])


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def test_a_unix_socket_is_private() -> None:
    with private_daemon() as other:
        path = str(other.root / "web")
        with web_server(other, "--unix", path, "--origin", "http://localhost:9999") as server:
            assert os.stat(path).st_mode & 0o777 == 0o600
            assert server.link().startswith("http://localhost:9999/#token=")
            with socket.socket(socket.AF_UNIX) as plain:
                plain.connect(path)
                plain.sendall(b"GET / HTTP/1.1\r\nhost: localhost:9999\r\nconnection: close\r\n\r\n")
                assert b"200" in plain.makefile("rb").readline()


def test_sessions_outlive_the_server_until_all_are_ended() -> None:
    with private_daemon() as other:
        port = str(free_port())
        with web_server(other, "--port", port) as server:
            server.sign_in()
            cookie = server.cookie
        with web_server(other, "--port", port) as server:
            server.cookie = cookie
            assert server.ok("list")["jobs"] == []
            done = other.run("web", "sign-out")
            assert done.stdout == "Ended 1 session\n"
            assert server.request("POST", "/api/list", {}).status == 401


def test_without_luziad_a_request_says_so_and_the_server_stays() -> None:
    with private_daemon() as other, web_server(other) as server:
        server.sign_in()
        other.kill()
        reply = server.request("POST", "/api/list", {})
        assert (reply.status, reply.error) == (503, "daemon_unreachable")
        other.start()
        eventually(lambda: server.request("POST", "/api/list", {}).status == 200, "a reply")
        assert server.stop() == ""
