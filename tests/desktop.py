"""A desktop of a test's own: a private D-Bus with a service that shows notifications, and notes them down."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from jeepney import DBusAddress, HeaderFields, MessageType, new_error, new_method_call, new_method_return
from jeepney.io.blocking import open_dbus_connection

NAME = "org.freedesktop.Notifications"
BUS = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")


class Desktop:
    """shown: the arguments of each Notify: program, the id it replaces, icon, title, body, actions, hints."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.shown: list[tuple[Any, ...]] = []
        self._connection = open_dbus_connection(address)
        self._connection.send_and_get_reply(new_method_call(BUS, "RequestName", "su", (NAME, 4)))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError, EOFError):  # the bus ends with the test
            while True:
                message = self._connection.receive()
                if message.header.message_type is not MessageType.method_call:
                    continue
                match message.header.fields[HeaderFields.member]:
                    case "Notify":
                        self.shown.append(message.body)
                        reply = new_method_return(message, "u", (len(self.shown),))
                    case "GetServerInformation":
                        reply = new_method_return(message, "ssss", ("test", "luzia", "1", "1.2"))
                    case "GetCapabilities":
                        reply = new_method_return(message, "as", (["body"],))
                    case _:
                        reply = new_error(message, "org.freedesktop.DBus.Error.UnknownMethod")
                self._connection.send(reply)


@contextmanager
def desktop() -> Iterator[Desktop]:
    """A running one. Skips the test, and says so, where D-Bus or notify-send is not installed."""
    for program, package in (("dbus-daemon", "dbus"), ("notify-send", "libnotify-bin")):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: apt install {package}")
    reading, writing = os.pipe()
    with subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", f"--print-address={writing}"], pass_fds=(writing,)
    ) as bus:
        os.close(writing)
        with open(reading) as address:
            line = address.readline().strip()
        try:
            yield Desktop(line)
        finally:
            bus.kill()
