"""The protocol page and the schemas come with luzia, and `luzia help protocol` finds them."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from luzia_protocol import files

from luzia_client.cli.main import main
from unit.house.scripts import ROOT


def test_the_wheel_has_them_where_they_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included == {
        "protocol/README.md": "luzia_protocol/protocol.md",
        "protocol/schema": "luzia_protocol/schema",
    }
    package = tmp_path / "luzia_protocol"
    (package / "schema").mkdir(parents=True)
    (package / "protocol.md").touch()
    monkeypatch.setattr(files, "_PACKAGE", package)
    assert (files.protocol_page(), files.schema_directory()) == (package / "protocol.md", package / "schema")


def test_the_help_says_where_they_are(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["luzia", "help", "protocol"])
    assert main() == 0
    page, schemas = (Path(line.split(maxsplit=1)[1]) for line in capsys.readouterr().out.splitlines()[-2:])
    assert page.read_text().startswith("# The protocol")
    assert "dispatch" in json.loads((schemas / "operations.json").read_text())["operations"]
