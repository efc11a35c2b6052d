"""The schema of the configuration that editors get is that of the daemon."""

from __future__ import annotations

import itertools
import json

import pytest
from jsonschema_rs import validator_for

from luzia_docs import config_schema
from luziad.config import rules
from luziad.config.rules import Rule

RULES = {name: rule for name, rule in vars(rules).items() if isinstance(rule, Rule)}
SIMPLE: tuple[object, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    0.5,
    19,
    20,
    70000,
    10**12,
    "",
    "x",
    "/a",
    "~/a",
    "a\0",
    "line",
    "info",
    "run",
    [],
    {},
)
VALUES: list[object] = [
    *SIMPLE,
    *([value] for value in SIMPLE),
    *map(list, itertools.product((2, "failed", "a", ["b"]), repeat=2)),
]
LOOSER = {"BACKOFF": [[2, 1]]}
"""What the schema cannot say: the first delay is not above the second."""


def test_the_schema_is_up_to_date() -> None:
    assert config_schema.TARGET.read_text() == config_schema.render_schema(), "run `make generate`"


def test_every_setting_has_a_description() -> None:
    tables = json.loads(config_schema.render_schema())["properties"]
    found = [
        tables["daemon"],
        tables["cli"],
        *(tables[name]["additionalProperties"] for name in ("projects", "agents")),
    ]
    for table in found:
        for key, described in table["properties"].items():
            assert described["description"][0].isupper(), key
            assert "](" not in described["description"], key


@pytest.mark.parametrize("name", RULES)
def test_an_editor_accepts_what_the_daemon_accepts(name: str) -> None:
    rule = RULES[name]
    validator = validator_for(rule.schema)
    differing = [value for value in VALUES if validator.is_valid(value) != rule.accepts(value)]
    assert [value for value in differing if value not in LOOSER.get(name, [])] == []
