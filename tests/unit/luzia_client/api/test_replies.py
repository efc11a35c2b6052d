"""Replies are read by several threads at once, as those of a shared client are."""

from __future__ import annotations

import subprocess
import sys

TWO_THREADS = """
import threading
import msgspec
from luzia_client.api.replies import decode_field

def read():
    assert decode_field(msgspec.Raw(b'{"inner": {"number": 7}}'), Reply).inner.number == 7

def type_of_number():
    # msgspec evaluates this while it learns the fields of Reply. Another thread that reads a reply now must wait.
    other.start()
    other.join(0.2)
    return int

class Inner(msgspec.Struct):
    number: "type_of_number()"

class Reply(msgspec.Struct):
    inner: Inner

other = threading.Thread(target=read)
read()
other.join()
print("read")
"""


def test_two_threads_may_read_the_first_reply_of_a_kind_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", TWO_THREADS], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "read\n"), done.stderr
