"""What holds for every test."""

from __future__ import annotations

import signal

from hypothesis import settings

# How long an example takes says more about the machine than about luzia.
settings.register_profile("luzia", deadline=None)
settings.load_profile("luzia")

# A shell starts what runs in its background with SIGINT ignored, and every program that a test starts would inherit
# that, so that Ctrl-C could not be tested.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
