"""The addresses in the documentation are such as Apprise understands."""

from __future__ import annotations

import re
from pathlib import Path

import apprise
import pytest

PAGE = Path(__file__).parents[4] / "docs" / "notifications.md"
SERVICES = re.findall(r"^\| ([^|]+?) \| `(\w+://[^`]+)` \|$", PAGE.read_text(), re.MULTILINE)


def test_the_page_has_twenty_services() -> None:
    assert len(SERVICES) >= 20


@pytest.mark.parametrize(("service", "url"), SERVICES, ids=[name for name, _ in SERVICES])
def test_apprise_understands_the_address(service: str, url: str) -> None:
    assert apprise.Apprise.instantiate(url) is not None
