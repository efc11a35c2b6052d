"""The page behind real proxies, by the recipes of docs/web.md, with TLS of its own, and on a socket of systemd."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import os
import re
import resource
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from websockets.sync.client import connect
from websockets.typing import Origin

from luzia_client.http import tls
from support import DEADLINE_S, MAIN, ROOT, PrivateDaemon, dispatch, ended, eventually, private_daemon
from web_server import Reply, WebServer, web_server

NAME = "luzia.example.com"
ORIGIN = f"https://{NAME}"
PASSWORD = "correct horse"


def recipe(title: str) -> str:
    """The first configuration below a title of docs/web.md."""
    text = (ROOT / "docs" / "web.md").read_text()
    found = re.search(rf"^### {title}\n.*?^```text\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def certificate(directory: Path) -> tuple[Path, Path]:
    """A certificate for NAME and its key."""
    files = directory / "cert.pem", directory / "key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}"]
    words += ["-addext", f"subjectAltName=DNS:{NAME},DNS:localhost", "-out", str(files[0]), "-keyout", str(files[1])]
    subprocess.run(words, check=True, capture_output=True, timeout=DEADLINE_S)
    return files


class Visitor:
    """Someone who reaches the page through a proxy, or by TLS. trusted: the certificate."""

    def __init__(self, port: int, trusted: Path, origin: str = ORIGIN, password: str = PASSWORD) -> None:
        self.port, self.origin = port, origin
        self.tls = ssl.create_default_context(cafile=str(trusted))
        self.name = origin.partition("://")[2]
        self.headers = {"host": self.name, "origin": origin, "content-type": "application/json"}
        if password:
            self.headers["authorization"] = "Basic " + base64.b64encode(f"ada:{password}".encode()).decode()

    def connect(self) -> ssl.SSLSocket:
        """A connection."""
        plain = socket.create_connection(("127.0.0.1", self.port), DEADLINE_S)
        return self.tls.wrap_socket(plain, server_hostname=self.name.partition(":")[0])

    def request(self, method: str, path: str, body: object = None, **headers: str) -> Reply:
        """A request as a browser makes it."""
        connection = http.client.HTTPConnection(self.name)
        connection.sock = self.connect()
        data = json.dumps(body).encode() if body is not None else None
        connection.request(method, path, data, self.headers | headers)
        try:
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def listens(self) -> bool:
        """Whether anything answers."""
        try:
            self.connect().close()
        except OSError:
            return False
        return True

    def uses_the_page(self, daemon: PrivateDaemon, server: WebServer) -> None:
        """Sign in, read the jobs, and get an event of a job over the web socket."""
        page = self.request("GET", "/")
        assert page.status == 200
        assert "default-src 'none'" in page.headers["content-security-policy"]
        link = server.link()
        assert link.startswith(f"{self.origin}/#token=")
        signed = self.request("POST", "/api/session", {"token": link.partition("=")[2]})
        assert signed.status == 200, signed.body
        cookie = signed.headers["set-cookie"]
        assert cookie.startswith("__Host-luzia")
        assert "; Secure" in cookie
        self.headers["cookie"] = cookie.partition(";")[0]
        seq = self.request("POST", "/api/list", {}).json()["ok"]["seq"]
        sent = {name: value for name, value in self.headers.items() if name in ("cookie", "authorization")}
        with connect(
            f"ws://{self.name}/api/socket",  # the socket has TLS already
            sock=self.connect(),
            origin=Origin(self.origin),
            additional_headers=sent,
        ) as tab:
            tab.send(json.dumps({"op": "subscribe", "id": 1, "after": seq}))
            assert json.loads(tab.recv()) == {"ok": {}, "id": 1}
            with daemon.connect() as wire:
                job = dispatch(wire, "true")
                assert json.loads(tab.recv(DEADLINE_S))["event"]["job"] == job
                ended(wire, job)
        for origin in ("https://evil.example", "null"):
            assert self.request("POST", "/api/list", {}, origin=origin).status == 403


@contextmanager
def proxy(words: list[str], visitor: Visitor) -> Iterator[None]:
    """A proxy that runs in the foreground and answers."""
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        eventually(lambda: process.poll() is not None or visitor.listens(), "the proxy")
        assert process.poll() is None, process.communicate()[0]
        yield
    finally:
        process.terminate()
        process.communicate(timeout=DEADLINE_S)


def needs(program: str) -> str:
    """The path of a program; the test is skipped, and says so, where it is not installed."""
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.skip(f"{program} is not installed: apt install {program}")
    return found


def test_the_recipe_for_nginx() -> None:
    nginx = needs("nginx")
    with private_daemon() as daemon:
        root, port = daemon.root, free_port()
        cert, key = certificate(root)
        done = subprocess.run(["openssl", "passwd", "-apr1", PASSWORD], check=True, capture_output=True, text=True)
        (root / "htpasswd").write_text(f"ada:{done.stdout}")
        options = ("--port", str(free_port()), "--origin", ORIGIN, "--behind-proxy", "Remote-User=ada")
        visitor = Visitor(port, cert)
        with web_server(daemon, *options) as server:
            changes = {
                "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
                "/etc/nginx/luzia.htpasswd": str(root / "htpasswd"),
                "/etc/nginx/luzia.crt": str(cert),
                "/etc/nginx/luzia.key": str(key),
                "127.0.0.1:8765": f"127.0.0.1:{options[1]}",
            }
            places = "".join(
                f"{name}_temp_path {root}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
            )
            user = "user root;" if os.geteuid() == 0 else ""
            (root / "nginx.conf").write_text(
                f"daemon off; {user} pid {root}/nginx.pid; error_log {root}/error.log; events {{}}\n"
                f"http {{ access_log off; {places}\n{changed(recipe('nginx'), changes)} }}\n"
            )
            with proxy([nginx, "-p", str(root), "-c", str(root / "nginx.conf")], visitor):
                check_proxy(visitor, cert)
                visitor.uses_the_page(daemon, server)


def test_the_recipe_for_caddy() -> None:
    caddy = needs("caddy")
    with private_daemon() as daemon:
        root, port = daemon.root, free_port()
        cert, key = certificate(root)
        hashed = subprocess.run(
            [caddy, "hash-password", "--plaintext", PASSWORD], check=True, capture_output=True, text=True
        ).stdout.strip()
        path = root / "web.sock"
        options = ("--unix", str(path), "--origin", ORIGIN, "--behind-proxy", "Remote-User=ada")
        visitor = Visitor(port, cert)
        version = subprocess.run([caddy, "version"], check=True, capture_output=True, text=True).stdout
        with web_server(daemon, *options) as server:
            changes = {
                f"{NAME} {{": f"https://{NAME}:{port} {{\n    bind 127.0.0.1\n    tls {cert} {key}",
                "$2a$14$...": hashed,
                "/run/user/1000/luzia/web-proxy.sock": str(path),
            }
            if tuple(map(int, re.findall(r"\d+", version)[:2])) < (2, 8):
                changes["basic_auth"] = "basicauth"  # as the recipe says
            (root / "Caddyfile").write_text(
                f"{{\n    admin off\n    auto_https off\n    storage file_system {root}/caddy\n}}\n"
                + changed(recipe("Caddy"), changes)
            )
            with proxy([caddy, "run", "--config", str(root / "Caddyfile"), "--adapter", "caddyfile"], visitor):
                check_proxy(visitor, cert)
                visitor.uses_the_page(daemon, server)


def changed(text: str, changes: dict[str, str]) -> str:
    """A recipe for the test's own places; each of them must be in it."""
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text


def check_proxy(visitor: Visitor, cert: Path) -> None:
    """Only those whom the proxy knows reach the page, and none of them as somebody else."""
    assert Visitor(visitor.port, cert, password="").request("GET", "/").status == 401
    assert Visitor(visitor.port, cert, password="wrong").request("GET", "/").status == 401
    assert visitor.request("GET", "/", **{"Remote-User": "mallory"}).status == 200


def test_tls_of_its_own() -> None:
    with private_daemon() as daemon:
        cert, key = certificate(daemon.root)
        with web_server(daemon, "--tls-cert", str(cert), "--tls-key", str(key)) as server:
            assert server.origin.startswith("https://")
            port = server.origin.rpartition(":")[2]
            visitor = Visitor(int(port), cert, origin=f"https://localhost:{port}", password="")
            link = server.link()
            token = link.partition("=")[2]
            assert link.startswith(f"https://127.0.0.1:{port}/#token=")
            signed = visitor.request("POST", "/api/session", {"token": token})
            assert signed.status == 200
            assert signed.headers["set-cookie"].startswith(f"__Host-luzia-{port}=")
            assert "; Secure" in signed.headers["set-cookie"]
            with socket.create_connection(("127.0.0.1", int(port)), DEADLINE_S) as plain:
                plain.sendall(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
                assert b"200 OK" not in plain.recv(1000)


CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
FILES = 200
"""How many the server may have open."""


def served(visitor: Visitor) -> None:
    """A request gets its reply, also one that comes with the end of the handshake."""
    with visitor.connect() as peer:
        peer.sendall(b"GET /nothing HTTP/1.1\r\nHost: %s\r\n\r\n" % visitor.name.encode())
        assert peer.recv(8) == b"HTTP/1.1"


@pytest.mark.parametrize("said", [b"", CLIENT_HELLO, b"GET / HTTP/1.1\r\n\r\n"])
def test_hundreds_of_unfinished_handshakes_keep_nobody_out(said: bytes) -> None:
    with private_daemon() as daemon, ExitStack() as stack:
        cert, key = certificate(daemon.root)
        server = stack.enter_context(web_server(daemon, "--tls-cert", str(cert), "--tls-key", str(key)))
        port = int(server.origin.rpartition(":")[2])
        visitor = Visitor(port, cert, origin=f"https://localhost:{port}", password="")
        served(visitor)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (FILES, FILES))
        for _ in range(FILES + 20):
            peer = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S))
            with suppress(ConnectionError):  # it has given way already
                peer.sendall(said)
        served(visitor)


async def test_a_handshake_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tls, "HANDSHAKE_S", 0.05)
    acceptor = tls.TlsAcceptor(tls.server_context(*map(str, certificate(tmp_path))), asyncio.Protocol)
    listening = await asyncio.get_running_loop().create_server(acceptor, "127.0.0.1", 0)
    async with listening:
        reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
        writer.write(CLIENT_HELLO)
        assert await asyncio.wait_for(reader.read(), DEADLINE_S) == b""
        writer.close()


def test_without_its_key_a_certificate_is_refused() -> None:
    with private_daemon() as daemon:
        cert, _ = certificate(daemon.root)
        for options in (["--tls-cert", str(cert)], ["--tls-cert", str(cert), "--tls-key", "/none"]):
            refused = daemon.run("web", *options)
            assert refused.returncode != 0
            assert refused.stderr.startswith("luzia: ")
            assert "Traceback" not in refused.stderr


def test_a_socket_of_systemd_is_served_as_it_is() -> None:
    with private_daemon() as daemon, socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        activated = f"import os; os.dup2({listening.fileno()}, 3); os.environ.update(LISTEN_PID=str(os.getpid()),"
        activated += f" LISTEN_FDS='1'); {MAIN}"
        process = subprocess.Popen(
            [sys.executable, "-c", activated, "web"],
            env=daemon.env,
            pass_fds=(3, listening.fileno()) if listening.fileno() != 3 else (3,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == f"Serving http://127.0.0.1:{port}\n"
            with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as plain:
                plain.sendall(f"GET / HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n".encode())
                assert b"200 OK" in plain.recv(100)
        finally:
            process.terminate()
            process.communicate(timeout=DEADLINE_S)
