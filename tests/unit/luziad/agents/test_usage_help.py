"""Usage help on stderr is not the reason of a failure: the error beside it is."""

from __future__ import annotations

import pytest

from luziad.agents.judging import last_stderr_line

OPENCODE = b"""opencode run [message..]

run opencode with a message

Options:
  -h, --help         show help                                                             [boolean]
      --auto         auto-approve permissions that are not explicitly denied (dangerous!)
                                                                          [boolean] [default: false]"""

GEMINI = b"""Invalid values:
  Argument: approval-mode, Given: "bogus", Choices: "default", "auto_edit", "yolo", "plan"
Usage: gemini [options] [command]

Options:
  -d, --debug                     Run in debug mode  [boolean] [default: false]
      --accept-raw-output-risk    Suppress the security warning when using --raw-output.  [boolean]
"""

CODEX = b"""error: invalid value 'bogus' for '--sandbox <SANDBOX_MODE>'
  [possible values: read-only, workspace-write, danger-full-access]

For more information, try '--help'.
"""


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        (OPENCODE, "it printed its usage help; an argument may be invalid"),
        (
            GEMINI,
            'Invalid values: Argument: approval-mode, Given: "bogus", Choices: "default", "auto_edit", "yolo", "plan"',
        ),
        (CODEX, "error: invalid value 'bogus' for '--sandbox <SANDBOX_MODE>'"),
        (b"Unknown arguments: such-option\nUsage: gemini [options]\n", "Unknown arguments: such-option"),
        (b"one\ntwo\n", "two"),
    ],
)
def test_the_error_is_found_beside_usage_help(stderr: bytes, reason: str) -> None:
    assert last_stderr_line(stderr) == reason
