"""Tokens and sessions: each token works once and soon, each session ends, and no secret is stored."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from luzia_client.web.access import SESSION_S
from luzia_client.web.credentials import MAX_ATTEMPTS, MAX_TOKENS, TOKEN_S, Credentials
from luzia_client.web.errors import WebError


class Clock:
    def __init__(self) -> None:
        self.now = 1e9

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def credentials(tmp_path: Path, clock: Clock) -> Credentials:
    return Credentials(str(tmp_path / "sessions.json"), clock)


def code(action: Callable[[], object]) -> str:
    with pytest.raises(WebError) as caught:
        action()
    return str(caught.value.code)


def test_a_token_starts_one_session(credentials: Credentials) -> None:
    token = credentials.make_token()
    assert credentials.find_session(credentials.start_session(token)) is not None
    assert code(lambda: credentials.start_session(token)) == "invalid_token"


def test_a_token_expires(credentials: Credentials, clock: Clock) -> None:
    token = credentials.make_token()
    clock.now += TOKEN_S
    assert code(lambda: credentials.start_session(token)) == "invalid_token"


def test_after_many_wrong_tokens_right_ones_are_refused_for_a_minute(credentials: Credentials, clock: Clock) -> None:
    token = credentials.make_token()
    for number in range(MAX_ATTEMPTS):
        assert code(lambda: credentials.start_session(f"guess {number}")) == "invalid_token"  # noqa: B023
    assert code(lambda: credentials.start_session(token)) == "too_many_attempts"
    clock.now += 60.0
    assert credentials.start_session(credentials.make_token())


def test_there_are_never_more_than_some_tokens(credentials: Credentials) -> None:
    first = credentials.make_token()
    for _ in range(MAX_TOKENS):
        credentials.make_token()
    assert code(lambda: credentials.start_session(first)) == "invalid_token"


def test_a_session_expires(credentials: Credentials, clock: Clock) -> None:
    secret = credentials.start_session(credentials.make_token())
    clock.now += SESSION_S - 1
    assert credentials.find_session(secret) is not None
    clock.now += 1
    assert credentials.find_session(secret) is None


def test_sessions_outlive_the_server_and_their_secrets_are_not_stored(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "sessions.json"
    credentials = Credentials(str(path), clock)
    secret = credentials.start_session(credentials.make_token())
    assert Credentials(str(path), clock).find_session(secret) is not None
    assert secret not in path.read_text()
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_an_ended_session_is_worth_nothing_also_later(tmp_path: Path, clock: Clock) -> None:
    path = str(tmp_path / "sessions.json")
    credentials = Credentials(path, clock)
    secret, other = (credentials.start_session(credentials.make_token()) for _ in range(2))
    session = credentials.find_session(secret)
    assert session is not None
    credentials.end_session(session)
    assert session.ended.is_set()
    assert credentials.find_session(secret) is None
    assert Credentials(path, clock).find_session(secret) is None
    assert Credentials(path, clock).find_session(other) is not None


def test_all_sessions_and_tokens_can_be_ended(credentials: Credentials) -> None:
    secret = credentials.start_session(credentials.make_token())
    token = credentials.make_token()
    assert credentials.end_all() == 1
    assert credentials.find_session(secret) is None
    assert code(lambda: credentials.start_session(token)) == "invalid_token"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": "b"}', '{"a": 1e300}'])
def test_a_corrupt_file_of_sessions_has_none(tmp_path: Path, clock: Clock, text: str) -> None:
    path = tmp_path / "sessions.json"
    path.write_text(text)
    credentials = Credentials(str(path), clock)
    assert credentials.end_all() == 0
