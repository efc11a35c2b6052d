"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes says more about the machine than about luzia.
settings.register_profile("luzia", deadline=None)
settings.load_profile("luzia")
