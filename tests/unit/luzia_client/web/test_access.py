"""Which hosts, origins and proxies are accepted, and where the server listens."""

from __future__ import annotations

import pytest

from luzia_client.api.errors import ArgumentError
from luzia_client.web.access import Access
from luzia_client.web.listening import Options, access_of, check_options, is_loopback, open_socket

LOCAL = Access(("http://127.0.0.1:8000", "http://localhost:8000"))


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000"])
def test_its_own_names_are_accepted(host: str) -> None:
    assert LOCAL.knows_host(host)
    assert LOCAL.knows_origin(host, f"http://{host}")


@pytest.mark.parametrize(
    "host", ["", "127.0.0.1", "127.0.0.1:80", "evil.example:8000", "localhost:8000.evil.example", "LOCALHOST:8000"]
)
def test_other_names_for_its_address_are_refused(host: str) -> None:
    assert not LOCAL.knows_host(host)


@pytest.mark.parametrize(
    "origin", ["", "null", "http://127.0.0.1", "https://127.0.0.1:8000", "http://localhost:8000", "http://evil.example"]
)
def test_other_origins_are_refused(origin: str) -> None:
    assert not LOCAL.knows_origin("127.0.0.1:8000", origin)


def test_the_cookie_is_that_of_the_port_and_locked_to_the_host_by_tls() -> None:
    assert LOCAL.cookie == "luzia-8000"
    assert Access(("https://luzia.example",)).cookie == "__Host-luzia"
    assert Access(("https://luzia.example:444",)).cookie == "__Host-luzia-444"


def test_the_header_of_the_proxy_must_have_its_value() -> None:
    access = Access(("https://luzia.example",), ("remote-user", "ada"))
    assert access.is_from_proxy({"remote-user": "ada"})
    assert not access.is_from_proxy({"remote-user": "bob"})
    assert not access.is_from_proxy({})


@pytest.mark.parametrize(
    "options",
    [
        Options(host="0.0.0.0"),
        Options(host="192.0.2.1", origin="https://luzia.example"),
        Options(host="luzia.example"),
        Options(host="0.0.0.0", tls_cert="cert", tls_key="key"),
        Options(tls_cert="cert"),
        Options(unix="/tmp/socket"),
        Options(proxy="Remote-User=ada"),
        Options(origin="https://luzia.example", proxy="Remote-User"),
        Options(origin="http://luzia.example"),
        Options(origin="https://luzia.example/path"),
        Options(origin="luzia.example"),
    ],
)
def test_what_others_could_reach_is_refused(options: Options) -> None:
    with pytest.raises(ArgumentError) as caught:
        check_options(options)
    assert caught.value.hint


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(host="localhost", port=8000),
        Options(host="::1"),
        Options(origin="http://localhost:9000"),
        Options(unix="/tmp/socket", origin="https://luzia.example"),
        Options(host="0.0.0.0", origin="https://luzia.example", tls_cert="cert", tls_key="key"),
        Options(host="0.0.0.0", origin="https://luzia.example", proxy="Remote-User=ada"),
    ],
)
def test_what_is_safe_is_accepted(options: Options) -> None:
    check_options(options)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
def test_loopback_addresses_are_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "localhost.evil.example", ""])
def test_other_addresses_are_not_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_a_port_that_is_in_use_is_an_error_with_a_remedy() -> None:
    with open_socket(Options()) as first:
        with pytest.raises(ArgumentError, match="in use") as caught:
            open_socket(Options(port=first.getsockname()[1]))
        assert "--port" in caught.value.hint


def test_its_names_have_the_port_on_which_it_listens() -> None:
    with open_socket(Options()) as listening:
        port = listening.getsockname()[1]
        origins = access_of(Options(), listening).origins
    assert origins == (f"http://127.0.0.1:{port}", f"http://localhost:{port}")
