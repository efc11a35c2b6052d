"""The socket stands any bytes: the short, deterministic part of tests/chaos/fuzz_socket.py."""

from __future__ import annotations

import pytest

from chaos.fuzz_socket import CONFIG, fuzz
from support import private_daemon


@pytest.mark.parametrize("seed", [1, 2])
def test_every_broken_frame_is_answered_once_and_leaves_no_trace_in_the_daemon(seed: int) -> None:
    with private_daemon(CONFIG) as daemon:
        assert fuzz(daemon, 10_000, seed) < 32 * 1024 * 1024
