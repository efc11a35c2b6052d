"""In /tmp others may come first: a client does not connect to a socket in a directory that they planted."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from support import DEADLINE_S

AS_SOMEBODY = """
import os, sys
from luzia_client.cli.commands import dispatch
from luzia_client.transport import connection, endpoint
from luzia_protocol import environment
uid = int(sys.argv[1])
os.setgroups([]); os.setgid(uid); os.setuid(uid)
try:
    dispatch._exchange(environment.socket_path(), b"my secret")
except PermissionError as exc:
    print(exc.strerror)
try:
    connection.open_socket(environment.socket_path(), autostart=False)
except endpoint.DaemonUnreachableError as exc:
    print(exc.message)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("what", ["a directory of root's", "a link to one"])
def test_a_client_asks_nothing_where_somebody_else_came_first(what: str, tmp_path: Path) -> None:
    uid = 2_000_000_000 + os.getpid() * 2 + (what == "a link to one")  # nobody's
    place = Path(f"/tmp/luzia-{uid}")
    planted = place if what == "a directory of root's" else Path(f"/tmp/lz-{uid}")
    planted.mkdir(mode=0o755)
    try:
        if planted != place:
            place.symlink_to(planted)
        with socket.socket(socket.AF_UNIX) as trap:
            trap.bind(str(planted / "luzia.sock"))
            os.chmod(planted / "luzia.sock", 0o777)
            trap.listen()
            env = {name: value for name, value in os.environ.items() if not name.startswith(("LUZIA_", "XDG_"))}
            done = subprocess.run(
                [sys.executable, "-c", AS_SOMEBODY, str(uid)],
                env=env,
                capture_output=True,
                text=True,
                timeout=DEADLINE_S,
            )
            trap.setblocking(False)
            with pytest.raises(BlockingIOError):
                trap.accept()
        assert f"{place} belongs to another user\n" in done.stdout, done.stderr
        assert f"refusing to connect to {place}/luzia.sock" in done.stdout
    finally:
        if place.is_symlink():
            place.unlink()
        shutil.rmtree(planted)
