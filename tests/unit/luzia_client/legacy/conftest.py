"""The older names are tested with a real daemon, in the directories that it chooses."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def home() -> None:
    """No directories but those of the test's daemon."""
