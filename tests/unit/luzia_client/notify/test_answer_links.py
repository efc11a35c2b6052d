"""Links that answer questions: what is accepted as one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luzia_client.notify import NotifyError
from luzia_client.notify.answer_links import AnswerLinks, Asked, InvalidLinkError, key_file, make_token, read_token

KEY = bytes(range(32))
ASKED = Asked("120000-abcd", 1, "request-1")


def test_a_link_names_its_question_until_it_expires() -> None:
    token = make_token(KEY, ASKED, 100.0)
    assert read_token(KEY, token, 99.9) == ASKED
    with pytest.raises(InvalidLinkError) as refused:
        read_token(KEY, token, 100.0)
    assert refused.value.expired


@given(st.data())
def test_no_changed_link_is_accepted(data: st.DataObject) -> None:
    token = make_token(KEY, ASKED, 100.0)
    place = data.draw(st.integers(0, len(token) - 1))
    changed = token[:place] + data.draw(st.characters()) + token[place + data.draw(st.integers(0, 2)) :]
    if changed != token:
        with pytest.raises(InvalidLinkError):
            read_token(KEY, changed, 0.0)


@given(st.text())
def test_any_text_is_refused_without_a_traceback(text: str) -> None:
    with pytest.raises(InvalidLinkError):
        read_token(KEY, text, 0.0)


def test_the_key_is_made_once_for_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUZIA_STATE_DIR", str(tmp_path))
    first = AnswerLinks("https://luzia.example.org/").urls(ASKED, 0.0, permission=True)
    assert first["allow"].startswith("https://luzia.example.org/answer/")
    assert AnswerLinks("https://luzia.example.org").urls(ASKED, 0.0, permission=True) == first
    assert key_file().stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["notify.key"]


@pytest.mark.parametrize(("content", "mode"), [(b"short", 0o600), (KEY, 0o640), (KEY + b"x", 0o600)])
def test_a_key_that_others_may_know_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, mode: int
) -> None:
    monkeypatch.setenv("LUZIA_STATE_DIR", str(tmp_path))
    key_file().write_bytes(content)
    key_file().chmod(mode)
    with pytest.raises(NotifyError):
        AnswerLinks("https://luzia.example.org")
    assert key_file().read_bytes() == content
