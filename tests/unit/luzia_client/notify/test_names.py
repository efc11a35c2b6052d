"""Names in the rules that the daemon does not know."""

from __future__ import annotations

from typing import Any

import pytest

from luzia_client.notify.names import Known, Mistake, unknown_names
from luzia_client.notify.settings import Rule

KNOWN = Known(
    frozenset({"overbits", "api"}),
    frozenset({"claude", "codex", "shell"}),
    {"team": frozenset({"web", "data"}), "kind": frozenset({"nightly"})},
)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"projects": ["overbits", "api"], "agents": ["codex"], "tags": {"team": "web"}}, []),
        ({"projects": ["overbist"]}, [("unknown project 'overbist'", "Did you mean 'overbits'?")]),
        ({"projects": ["Overbits"]}, [("unknown project 'Overbits'", "Did you mean 'overbits'?")]),
        ({"projects": ["zzz"]}, [("unknown project 'zzz'", "`luzia projects` lists the projects.")]),
        ({"projects": ["/srv/overbits"]}, [("project '/srv/overbits' is a path", "Write the project's name")]),
        ({"agents": ["cluade"]}, [("unknown agent 'cluade'", "Did you mean 'claude'?")]),
        ({"tags": {"taem": "web"}}, [("unknown tag 'taem'", "Did you mean 'team'?")]),
        ({"tags": {"kind": "nigthly"}}, [("unknown value of the tag 'kind': 'nigthly'", "Did you mean 'nightly'?")]),
        ({"tags": {"release": "1", "team": "ops"}}, []),  # a tag is made by its first use
        ({"projects": ["apii"], "agents": ["codx"]}, [("'apii'", "'api'"), ("'codx'", "'codex'")]),
    ],
)
def test_a_name_that_matches_nothing_is_told_with_what_was_meant(
    rule: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    found = list(unknown_names([Rule(["phone"]), Rule(["phone"], **rule)], KNOWN))
    assert len(found) == len(expected)
    for mistake, (words, meant) in zip(found, expected, strict=True):
        assert mistake.message.startswith("rule 2 of [[notify.rules]]: ")
        assert words in mistake.message
        assert meant in mistake.hint


def test_a_mistake_is_equal_to_itself_so_that_it_is_told_once() -> None:
    assert {*unknown_names([Rule(["phone"], projects=["x"])], KNOWN)} == {
        Mistake("rule 1 of [[notify.rules]]: unknown project 'x'", "`luzia projects` lists the projects.")
    }
