"""The forms that TZ may have, as tzset(3) describes them: schedules follow it as `--at` and other programs do."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luzia_protocol.errors import Refused

from luziad.clocks.zones import load_zone, local_zone_name

FORMS = [
    "Europe/Berlin",
    ":Europe/Berlin",
    "/usr/share/zoneinfo/Europe/Berlin",
    ":/usr/share/zoneinfo/America/New_York",
    "EST5EDT,M3.2.0,M11.1.0",
    "CET-1CEST,M3.5.0,M10.5.0/3",
    "<+0330>-3:30",
    "UTC0",
    "EST5EDT",
    "",
    ":",
]
OFFSETS = """
import sys, time
for line in sys.stdin:
    print(time.localtime(int(line)).tm_gmtoff)
"""


@pytest.mark.parametrize("form", FORMS)
def test_a_form_of_tz_has_the_offsets_that_the_c_library_gives_it(form: str) -> None:
    if "/zoneinfo/" in form and not Path("/usr/share/zoneinfo").is_dir():
        pytest.skip("this machine has no zone files")
    moments = [int(datetime(2026, month, 15, 12, tzinfo=UTC).timestamp()) for month in range(1, 13)]
    done = subprocess.run(
        [sys.executable, "-c", OFFSETS],
        env={**os.environ, "TZ": form},
        input="\n".join(map(str, moments)),
        capture_output=True,
        text=True,
        check=True,
    )
    zone = load_zone(local_zone_name({"TZ": form}))
    found = [datetime.fromtimestamp(moment, zone).utcoffset() for moment in moments]
    assert found == [timedelta(seconds=int(line)) for line in done.stdout.split()]


@pytest.mark.parametrize(
    "form", ["Europe/Berlni", "/etc/passwd", "/no/such/file", "EST5EDT,nonsense", "-5", "berlin\0"]
)
def test_a_tz_that_names_no_zone_is_refused_and_not_taken_for_another(form: str) -> None:
    with pytest.raises(Refused, match="in the variable TZ"):
        local_zone_name({"TZ": form})


def test_a_misspelled_zone_is_suggested() -> None:
    with pytest.raises(Refused) as caught:
        local_zone_name({"TZ": "Europe/Berlni"})
    assert "Did you mean Europe/Berlin?" in caught.value.hint


@given(st.text(max_size=40))
def test_any_text_is_a_zone_or_is_refused(text: str) -> None:
    try:
        name = local_zone_name({"TZ": text})
    except Refused:
        return
    assert datetime.fromtimestamp(0, load_zone(name)).utcoffset() is not None
