"""The listening socket of the web server."""

from __future__ import annotations

import socket

from luzia_client.web.listening import Options, open_socket


def test_replies_are_not_held_back_until_the_browser_acknowledges_the_last_one() -> None:
    with open_socket(Options()) as listening:
        assert listening.proto == socket.IPPROTO_TCP  # asyncio sets TCP_NODELAY for no other
